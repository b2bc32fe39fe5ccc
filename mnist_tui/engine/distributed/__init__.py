"""Distributed training: several processes train one model on JAX, and process 0 coordinates them."""

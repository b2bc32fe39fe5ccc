"""Benchmarks of this machine: the harness and its results."""

"""The training loop: feed, callbacks, schedule, recorder, layer statistics."""

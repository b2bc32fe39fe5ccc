"""Files that a training writes: events, checkpoints, and writes that are retried."""

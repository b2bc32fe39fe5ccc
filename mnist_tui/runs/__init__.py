"""The run directory: create, lock, follow, replay."""

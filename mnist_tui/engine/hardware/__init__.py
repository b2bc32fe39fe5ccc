"""The machine: its devices, and samples of its load."""

"""Steering of a live run: keys and dialogs."""

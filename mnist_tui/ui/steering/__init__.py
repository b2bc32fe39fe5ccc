"""Steering a live run: keys and dialogs."""

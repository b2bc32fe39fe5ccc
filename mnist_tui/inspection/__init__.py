"""Predictions, labels and exports of a run, for screens and commands."""

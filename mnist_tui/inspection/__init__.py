"""Predictions, label reviews and exports of a run, for the screens and the command line."""

"""The screen that compares runs, and runs overlaid on the curves."""

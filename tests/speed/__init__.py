"""Tests of what `mnist-tui bench` makes of a run's events."""

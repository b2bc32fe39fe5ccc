"""Tests of the pure functions that turn numbers into terminal cells."""

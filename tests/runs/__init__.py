"""Tests of the run directory and of what is computed from it."""

"""The tests mirror the package; `python -m tests` runs them and every other check."""

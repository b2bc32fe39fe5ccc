"""The README's pictures, painted from the recorded run: `python -m tests.screenshots`."""

"""The README's screenshots, painted from the recorded run: `python -m tests.screenshots`."""

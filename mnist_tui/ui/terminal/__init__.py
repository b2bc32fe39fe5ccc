"""Terminal output on slow lines, and hang-ups."""

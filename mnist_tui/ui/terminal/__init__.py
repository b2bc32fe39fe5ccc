"""Terminal: its colours, output on slow lines, and hang-ups."""

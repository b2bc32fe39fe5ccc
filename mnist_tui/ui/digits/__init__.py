"""The digits screen, and the screen of a single digit."""

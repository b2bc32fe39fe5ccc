"""The digits screen, and the screen of one digit."""

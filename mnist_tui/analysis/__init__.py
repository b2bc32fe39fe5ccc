"""Pure functions over predictions and labels."""

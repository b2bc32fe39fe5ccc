"""Pure functions over recorded predictions."""

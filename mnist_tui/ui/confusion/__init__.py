"""The confusion screen."""

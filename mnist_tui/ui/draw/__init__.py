"""The draw screen."""

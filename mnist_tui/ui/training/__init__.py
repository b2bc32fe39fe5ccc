"""The training screen."""

"""The label review screen."""

"""The screen that predicts image files."""

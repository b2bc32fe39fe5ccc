"""The screen that finds a learning rate."""

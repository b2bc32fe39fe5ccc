"""The error of this room."""


class RunError(Exception):
    """A run cannot be created, found or read. The message is one line: what is wrong, where, and how to fix it."""

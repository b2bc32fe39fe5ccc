"""What goes wrong in this room."""


class AnalysisError(Exception):
    """Figures or words that cannot be worked with. The message is one sentence: what, where, and how to mend it."""

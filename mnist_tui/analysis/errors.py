"""The exception of this package."""


class AnalysisError(Exception):
    """Data or text that cannot be analysed. The message is one line: what is wrong and how to fix it."""

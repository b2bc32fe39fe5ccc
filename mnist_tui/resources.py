"""Where the files lie that the program ships and that are not code."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def asset(name: str) -> Path:
    """The path of a shipped file: inside an installed package, or beside it in a source checkout."""
    shipped = _PACKAGE / "assets" / name
    return shipped if shipped.exists() else _PACKAGE.parent / "assets" / name

"""Paths of the files that the package ships beside its code."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def asset(name: str) -> Path:
    """Return the path of an asset: inside an installed package, or beside it in a source checkout."""
    shipped = _PACKAGE / "assets" / name
    return shipped if shipped.exists() else _PACKAGE.parent / "assets" / name

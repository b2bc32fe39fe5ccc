"""Paths of the files that the package ships beside its code, and of the user's cache."""

from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).parent


def asset(name: str) -> Path:
    """Return the path of an asset: inside an installed package, or beside it in a source checkout."""
    shipped = _PACKAGE / "assets" / name
    return shipped if shipped.exists() else _PACKAGE.parent / "assets" / name


def cache_path(name: str) -> Path | None:
    """Return the path of a file or folder in the user's cache; None if the user has no home folder."""
    try:
        path = platformdirs.user_cache_path("mnist-tui")
    except RuntimeError:
        return None
    return path / name if path.is_absolute() else None

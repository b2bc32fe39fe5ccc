"""Paths of the files that the package ships beside its code, and of the user's cache."""

import contextlib
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


def limit_folder(folder: Path, most: int) -> None:
    """Remove the files of a folder that were changed longest ago, until it holds at most this many bytes."""
    found = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # another process has removed it
            if path.is_file():
                found.append((path.lstat().st_mtime, path.lstat().st_size, path))
    size = sum(each[1] for each in found)
    for _, bytes_, path in sorted(found):
        if size <= most:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            size -= bytes_

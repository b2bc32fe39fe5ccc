"""Paths of data as a user types them: what a partial path can become, and what a folder holds."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mnist_tui.config import ConfigError

MOST_NAMES, MOST_ENTRIES = 100_000, 1_000
"""Names of a folder that are read, and entries that are checked and listed."""


@dataclass(frozen=True)
class DataPath:
    """A folder, or a file that can be read."""

    text: str
    """The path as the user would write it; a folder's ends in a slash."""
    size: int | None = None
    """Bytes of a file; None for a folder."""

    @property
    def name(self) -> str:
        """Last part of the path, with a slash after a folder's."""
        return self.text[self.text.rstrip("/").rfind("/") + 1 :]


def data_paths(text: str, check: Callable[[str], None]) -> list[DataPath]:
    """Return the folders and the readable files that a partial path can become, folders first.

    Names that begin with a dot are listed only if the text asks for them. A folder that cannot be read is empty.

    Args:
        text: The path, possibly relative or with ~; the part after the last slash is the beginning of a name.
        check: Raises ConfigError if a path names no readable data.
    """
    folder, slash, start = text.rpartition("/")
    if text in ("~", "..") or text.endswith(("/..", "/.")):
        return [DataPath(f"{text}/")]
    parent = folder + slash
    try:
        with os.scandir(Path(parent).expanduser()) as entries:
            matching = (each for each in islice(entries, MOST_NAMES) if _is_wanted(each.name, start))
            found = [_data_path(parent, entry, check) for entry in islice(matching, MOST_ENTRIES)]
    except (OSError, RuntimeError, ValueError):  # of expanduser: no such user; of scandir: a null byte
        return []
    kept = [each for each in found if each is not None]
    return sorted(kept, key=lambda each: (each.size is not None, each.name))


def common_start(paths: list[DataPath]) -> str:
    """Return the text with which all paths begin."""
    return os.path.commonprefix([each.text for each in paths])  # noqa: RUF071 (the start of a text, not of a path)


def _is_wanted(name: str, start: str) -> bool:
    return name.startswith(start) and (bool(start) or not name.startswith(".")) and name.isprintable()


def _data_path(parent: str, entry: "os.DirEntry[str]", check: Callable[[str], None]) -> DataPath | None:
    path = parent + entry.name
    try:
        if entry.is_dir():
            return DataPath(f"{path}/")
        check(str(Path(path).expanduser()))
        return DataPath(path, entry.stat().st_size)
    except (OSError, ConfigError):
        return None

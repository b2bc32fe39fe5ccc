"""Cache of what was read slowly, in the user's cache folder: the newest few data sets as .npz files."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from mnist_tui import __version__
from mnist_tui.engine.data.readers.reader import Contents
from mnist_tui.npz import NpzError, read_arrays
from mnist_tui.resources import cache_path
from mnist_tui.runs.replacing import replacing

FOLDER = "data"
KEPT = 4
"""Data sets."""
LARGEST = 2**29
"""Bytes of the arrays of a data set that is kept."""
META = "meta"
"""Array with the class names and notes, as the bytes of JSON."""


def fingerprint(files: Sequence[Path | str], *more: object) -> str:
    """Return a checksum of the files' paths, sizes and times, and of other things; raises OSError."""
    digest = hashlib.sha256(repr((__version__, *more)).encode(errors="surrogateescape"))
    for file in files:
        stat = os.stat(file)  # noqa: PTH116 - a Path for each of 10,000 images takes time
        digest.update(
            f"{file}\0{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}\n".encode(errors="surrogateescape")
        )
    return digest.hexdigest()


def load(key: str) -> Contents | None:
    """Return what was stored under a key; None if there is nothing, or it is damaged."""
    path = cache_path(f"{FOLDER}/{key}.npz")
    if path is None or not path.is_file():
        return None
    try:
        arrays = read_arrays(path)
        class_names, notes = json.loads(arrays.pop(META).tobytes())
        return Contents(arrays, tuple(class_names), tuple(notes))
    except (NpzError, KeyError, ValueError, TypeError):
        return None


def store(key: str, contents: Contents) -> None:
    """Store contents under a key, and remove the oldest ones. A full disk is no error."""
    import numpy as np

    path = cache_path(f"{FOLDER}/{key}.npz")
    if path is None or sum(array.nbytes for array in contents.arrays.values()) > LARGEST:
        return
    meta = json.dumps((contents.class_names, contents.notes)).encode()
    arrays: dict[str, np.ndarray] = {**contents.arrays, META: np.frombuffer(meta, np.uint8)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            np.savez(temporary, allow_pickle=False, **arrays)
        kept = sorted(path.parent.glob("*.npz"), key=lambda each: each.stat().st_mtime)
        for old in kept[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        pass  # it will be read again, which costs seconds

"""Readers of data files: images of 8x8 to 96x96 pixels, grey or RGB, and their labels.

Each format is a module with a function `read` that returns the arrays as they are in the file. What their values and
labels mean is recognised in one place for all formats (values.py, labels.py), converted, and said in notes. To read
another format, add an entry to READERS.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from mnist_tui.engine.data.readers import cache, csv, folders, idx, labels, npz, parquet, table_folder, values
from mnist_tui.engine.data.readers.reader import Choice, Contents, Raw, Reader, ReaderError, Report, silent
from mnist_tui.untrusted import sanitize

__all__ = ["READERS", "Contents", "ReaderError", "Report", "cache", "files_of", "read", "reader_of", "silent"]

SLOW = 1.0
"""Seconds of reading from which the result is kept in the cache."""


READERS: tuple[Reader, ...] = (
    Reader("an .npz file", lambda path: path.suffix == ".npz", npz.read),
    Reader("a .csv file", lambda path: csv.NAME.fullmatch(path.name) is not None, csv.read, is_cached=True),
    Reader("a Parquet file", parquet.matches, parquet.read, parquet.files, is_cached=True),
    Reader("a folder with IDX files", idx.matches, idx.read, lambda path: tuple(idx.idx_files(path).values())),
    Reader("a folder with train.csv", table_folder.matches, table_folder.read, table_folder.files, is_cached=True),
    Reader("a folder of images", Path.is_dir, folders.read, folders.files, is_cached=True),
)
"""Formats, tried in this order."""


def reader_of(path: Path) -> Reader | None:
    """Return the reader for a path; None if no format has such a name."""
    return next((reader for reader in READERS if reader.matches(path)), None)


def files_of(path: Path) -> list[Path | str]:
    """Return the files that are read for a path, with a list of class names; raises OSError."""
    reader = reader_of(path)
    listed = labels.classes_file(path)
    return [*(reader.files(path) if reader else ()), *([listed] if listed.is_file() else [])]


def read(
    path: Path,
    choices: Sequence[Choice],
    *,
    complete: bool = True,
    classes: Sequence[str] = (),
    report: Report = silent,
) -> Contents:
    """Read the images and labels of a file or folder, from the cache if reading them took long.

    Args:
        path: The file or folder.
        choices: Names of arrays: the first choice that the file has is read.
        complete: True if the file should hold all classes, as one to train on does.
        classes: Names of the classes of the run that is evaluated on the file; empty if they are not known.
        report: Function to call with the progress.

    Raises:
        ReaderError: The file is damaged, or its values or labels are wrong or ambiguous.
    """
    reader = reader_of(path)
    if reader is None:
        raise ReaderError("is missing")
    try:
        key = cache.fingerprint(files_of(path), path, choices, complete, classes) if reader.is_cached else ""
        kept = cache.load(key) if key else None
        if kept is not None:
            return kept
        began = time.monotonic()
        contents = _recognised(reader.read(path, choices, report), path, complete, classes)
        if key and time.monotonic() - began > SLOW:
            cache.store(key, contents)
        return contents
    except FileNotFoundError:
        raise ReaderError("is missing") from None
    except OSError as error:
        name = os.path.relpath(error.filename, path) if error.filename and error.filename != str(path) else ""
        raise ReaderError(f"cannot be read ({f'{name}: ' * bool(name)}{error.strerror})", "make it readable") from None
    except MemoryError:
        raise ReaderError("does not fit into the memory", "use fewer images") from None


def _recognised(raw: Raw, path: Path, complete: bool, classes: Sequence[str]) -> Contents:
    images, notes = values.recognised(raw)
    for name, array in images.items():
        count = len(raw.arrays.get(f"y{name[1:]}", array))
        if count != len(array):
            raise ReaderError(f"holds {len(array):,} images in {name} and {count:,} labels, expected as many")
    numbers, names, more = labels.recognised(raw, complete=complete, classes=classes, listed=labels.listed_names(path))
    import numpy as np

    arrays = {name: np.ascontiguousarray(images[name] if name in images else numbers[name]) for name in raw.arrays}
    return Contents(arrays, tuple(map(sanitize, names)), tuple(map(sanitize, (*raw.notes, *notes, *more))))

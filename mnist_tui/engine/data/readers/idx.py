"""Reader of folders of IDX files, as MNIST, Fashion-MNIST, KMNIST, QMNIST and EMNIST are published."""

import re
import string
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_tui.engine.data.readers.reader import (
    LARGEST,
    Choice,
    Raw,
    ReaderError,
    Report,
    element,
    first_line,
    names_in,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

IDX_NAME = re.compile(
    r"(?:.*-)?(?P<part>train|t10k|test)-(?P<kind>images|labels)[.-]idx\d-(?:ubyte|int)(?:\.gz)?", re.IGNORECASE
)
EXAMPLES = {
    "x": "train-images-idx3-ubyte",
    "y": "train-labels-idx1-ubyte",
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
"""Array -> name of its file in MNIST."""
TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
"""Third byte of an IDX file -> NumPy type of its numbers."""
EMNIST = "emnist"
"""Part of the names of EMNIST's files, whose images are transposed."""
MERGED = (*string.digits, *string.ascii_uppercase, *"abdefghnqrt")
CLASSES = {
    "emnist-letters": tuple(string.ascii_uppercase),
    "emnist-balanced": MERGED,
    "emnist-bymerge": MERGED,
    "emnist-byclass": (*string.digits, *string.ascii_uppercase, *string.ascii_lowercase),
    "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
}
"""Part of the name of a file, or of its folder, -> names of the classes.

Sources: Cohen et al. 2017, arXiv 1702.05373, and EMNIST's mappings; Clanuwat et al. 2018, arXiv 1812.01718.
"""
RAW = "raw"
"""Folder that torchvision makes for the files, inside one with the name of the data set."""


def matches(path: Path) -> bool:
    """Return True for a folder with an IDX file."""
    try:
        return path.is_dir() and bool(idx_files(path))
    except OSError:
        return False


def idx_files(folder: Path) -> dict[str, Path]:
    """Return the IDX files of a folder by the name of their array, such as x_train; raises OSError."""
    found: dict[str, Path] = {}
    for name in names_in(folder, "-ubyte", "-int", ".gz"):
        if match := IDX_NAME.fullmatch(name):
            part = "train" if match["part"].lower() == "train" else "test"
            found.setdefault(f"{'x' if match['kind'].lower() == 'images' else 'y'}_{part}", folder / name)
    inner = folder / RAW
    return found or (idx_files(inner) if inner.is_dir() and folder.name != RAW else {})


def read(folder: Path, choices: Sequence[Choice], report: Report) -> Raw:
    """Read the files of the first choice that a folder has; see `Reader.read`."""
    files = idx_files(folder)
    choice = next((choice for choice in choices if set(choice) <= files.keys()), None)
    if choice is None:
        missing = next(name for name in choices[0] if name not in files)
        raise ReaderError(f"has no IDX file for {missing}, such as {EXAMPLES[missing]}")
    arrays, notes, names = {}, [], ()
    for done, name in enumerate(choice):
        report(done, len(choice))
        file = files[name]
        try:
            array = read_idx(file)
        except ReaderError as error:
            raise ReaderError(f"cannot be read ({file.name} {error})") from None
        emnist = EMNIST in file.name.lower()
        if name[0] == "x" and emnist and array.ndim == 3:
            array = array.swapaxes(1, 2).copy()
            notes.append("EMNIST's transposed images were set upright")
        if name[0] == "y" and array.ndim == 2:  # QMNIST: the class, then the writer and other facts
            array = array[:, 0].copy()
            notes.append("QMNIST's labels are the first of the columns")
        if name[0] == "y":
            called = f"{folder.name} {file.name}".lower()
            names = next((names for part, names in CLASSES.items() if part in called), ())
            if names == CLASSES["emnist-letters"] and array.dtype == "u1" and array.size and array.min() > 0:
                array = array - 1
                notes.append("EMNIST's letters 1 to 26 became the classes 0 to 25")
        arrays[name] = array
    return Raw(
        arrays,
        tuple(dict.fromkeys(notes)),
        names,
        where=lambda name, index: f"{files[name].name}, {element('image' if name[0] == 'x' else 'label', index)}",
    )


def read_idx(path: Path) -> "NDArray[Any]":
    """Read an IDX file, plain or compressed with gzip.

    Its bytes are 0, 0, the type, the number of axes, their lengths as big-endian int32, then the numbers.
    Source: http://yann.lecun.com/exdb/mnist, "FILE FORMATS".

    Raises:
        ReaderError: The file is damaged or not an IDX file.
    """
    import gzip  # takes time, and most runs need none of the readers' packages

    import numpy as np

    from mnist_tui.untrusted import opened

    try:
        with opened(path) as raw, gzip.open(raw) if path.suffix.lower() == ".gz" else raw as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= 4:
                raise ReaderError(f"begins with {magic.hex(' ') or 'nothing'}, not like an IDX file")
            kind = np.dtype(TYPES[magic[2]])
            shape = np.frombuffer(file.read(4 * magic[3]), ">i4").tolist()
            size = prod(shape) * kind.itemsize
            if len(shape) < magic[3] or min(shape) < 0 or size > LARGEST:
                raise ReaderError(f"claims to hold {' x '.join(map(str, shape))} numbers")
            content = file.read(size + 1)
    except ReaderError:
        raise
    except Exception as error:  # OSError, EOFError, zlib.error; ValueError for a header that is cut off
        raise ReaderError(f"is damaged: {first_line(error)}") from None
    if len(content) != size:
        raise ReaderError(
            f"holds {'more' if len(content) > size else 'fewer'} than the {size:,} bytes that it announces"
        )
    return np.frombuffer(content, kind).reshape(shape).astype(kind.newbyteorder("="))

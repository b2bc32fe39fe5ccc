"""Reader of folders of IDX files, as MNIST, Fashion-MNIST, KMNIST, QMNIST and EMNIST are published."""

import re
import string
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_tui.engine.data.readers.reader import LARGEST, Choice, Raw, ReaderError, Report, element, first_line

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
EMNIST_CLASSES = {
    "letters": tuple(string.ascii_uppercase),
    "balanced": MERGED,
    "bymerge": MERGED,
    "byclass": (*string.digits, *string.ascii_uppercase, *string.ascii_lowercase),
}
"""Part of a file's name -> names of the classes; source: Cohen et al. 2017, arXiv 1702.05373, and EMNIST's mappings."""


def matches(path: Path) -> bool:
    """Return True for a folder with an IDX file."""
    try:
        return path.is_dir() and any(IDX_NAME.fullmatch(each.name) for each in path.iterdir())
    except OSError:
        return False


def idx_files(folder: Path) -> dict[str, Path]:
    """Return the IDX files of a folder by the name of their array, such as x_train; raises OSError."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if name := IDX_NAME.fullmatch(path.name):
            part = "train" if name["part"].lower() == "train" else "test"
            found.setdefault(f"{'x' if name['kind'].lower() == 'images' else 'y'}_{part}", path)
    return found


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
        if name[0] == "y" and emnist:
            names = next((names for word, names in EMNIST_CLASSES.items() if word in file.name.lower()), ())
            if names == EMNIST_CLASSES["letters"] and array.dtype == "u1" and array.size and array.min() > 0:
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

"""Readers of data files: .npz, CSV, and folders of IDX files, as MNIST, Fashion-MNIST and KMNIST are published.

To read another format, add an entry to READERS.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_tui.engine.data.images import SIDE
from mnist_tui.npz import NpzError, read_arrays
from mnist_tui.untrusted import opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Choice = Sequence[str]
"""Names of arrays: x_train, y_train, x_test and y_test, or x and y, or x alone."""
LABEL_NAMES = ("label", "class", "target", "y")
"""Headings of the column with the labels, in any case; all other columns are pixels, in this order."""
CSV_NAME = re.compile(r".*\.csv(\.gz|\.zip)?", re.IGNORECASE)
IDX_NAME = re.compile(
    r"(?:.*-)?(?P<part>train|t10k|test)-(?P<kind>images|labels)[.-]idx\d-(?:ubyte|int)(?:\.gz)?", re.IGNORECASE
)
IDX_EXAMPLES = {
    "x": "train-images-idx3-ubyte",
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
"""Array -> name of its file in MNIST."""
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
"""Third byte of an IDX file -> NumPy type of its numbers."""
LARGEST = 2**31
"""Bytes that an IDX file or a .zip file may claim to hold."""
EMNIST = "emnist"
"""Part of the names of EMNIST's files, whose images are transposed."""


class ReaderError(Exception):
    """A file cannot be read. The message continues a sentence that begins with the file's path."""


@dataclass(frozen=True)
class Reader:
    """A format of data files."""

    description: str
    """Phrase for an error message: a file or folder of this format."""
    matches: Callable[[Path], bool]
    """Return True if a path has this format. Cheap: it looks at the name and the kind of file only."""
    read: "Callable[[Path, Sequence[Choice]], dict[str, NDArray[Any]]]"
    """Return the arrays of the first choice that the file has; raises ReaderError."""
    files: Callable[[Path], Sequence[Path]] = lambda path: (path,)
    """Return the files that are read."""


def reader_of(path: Path) -> Reader | None:
    """Return the reader for a path; None if no format has such a name."""
    return next((reader for reader in READERS if reader.matches(path)), None)


def _read_npz(path: Path, choices: Sequence[Choice]) -> "dict[str, NDArray[Any]]":
    try:
        return read_arrays(path, *choices)
    except NpzError as error:
        raise ReaderError(str(error)) from None


def idx_files(folder: Path) -> dict[str, Path]:
    """Return the IDX files of a folder by the name of their array, such as x_train."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if name := IDX_NAME.fullmatch(path.name):
            part = "train" if name["part"].lower() == "train" else "test"
            found.setdefault(f"{'x' if name['kind'].lower() == 'images' else 'y'}_{part}", path)
    return found


def _read_idx_folder(folder: Path, choices: Sequence[Choice]) -> "dict[str, NDArray[Any]]":
    files = idx_files(folder)
    choice = next((choice for choice in choices if set(choice) <= files.keys()), None)
    if choice is None:
        missing = next(name for name in choices[0] if name not in files)
        raise ReaderError(f"has no IDX file for {missing}, such as {IDX_EXAMPLES[missing]}")
    arrays = {}
    for name in choice:
        try:
            array = read_idx(files[name])
        except ReaderError as error:
            raise ReaderError(f"cannot be read ({files[name].name} {error})") from None
        if name.startswith("x") and EMNIST in files[name].name.lower():
            array = array.swapaxes(1, 2).copy()
        if name.startswith("y") and array.ndim == 2:  # QMNIST: the class, then the writer and other facts
            array = array[:, 0].copy()
        arrays[name] = array
    return arrays


def read_idx(path: Path) -> "NDArray[Any]":
    """Read an IDX file, plain or compressed with gzip.

    Its bytes are 0, 0, the type, the number of axes, their lengths as big-endian int32, then the numbers.
    Source: http://yann.lecun.com/exdb/mnist, "FILE FORMATS".

    Raises:
        ReaderError: The file is damaged or not an IDX file.
    """
    import gzip  # takes time, and most runs need none of the readers' packages

    import numpy as np

    try:
        with opened(path) as raw, gzip.open(raw) if path.suffix.lower() == ".gz" else raw as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES or not 1 <= magic[3] <= 4:
                raise ReaderError(f"begins with {magic.hex(' ') or 'nothing'}, not like an IDX file")
            kind = np.dtype(IDX_TYPES[magic[2]])
            shape = np.frombuffer(file.read(4 * magic[3]), ">i4").tolist()
            size = prod(shape) * kind.itemsize
            if len(shape) < magic[3] or min(shape) < 0 or size > LARGEST:
                raise ReaderError(f"claims to hold {' x '.join(map(str, shape))} numbers")
            content = file.read(size + 1)
    except ReaderError:
        raise
    except Exception as error:  # OSError, EOFError, zlib.error; ValueError for a header that is cut off
        raise ReaderError(f"is damaged: {_first_line(error)}") from None
    if len(content) != size:
        raise ReaderError(
            f"holds {'more' if len(content) > size else 'fewer'} than the {size:,} bytes that it announces"
        )
    return np.frombuffer(content, kind).reshape(shape).astype(kind.newbyteorder("="))


def _read_csv(path: Path, choices: Sequence[Choice]) -> "dict[str, NDArray[Any]]":
    if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
        raise ReaderError("is not a file")
    choice = next((choice for choice in choices if set(choice) <= {"x", "y"}), None)
    if choice is None:
        raise ReaderError("is one table of images, without test images of its own")
    images, labels = read_csv(path, with_labels="y" in choice)
    return {"x": images} if labels is None else {"x": images, "y": labels}


def read_csv(path: Path, *, with_labels: bool) -> "tuple[NDArray[np.uint8], NDArray[Any] | None]":
    """Read images of 28x28 from a CSV file with one image a row, such as Kaggle's train.csv.

    A column named like LABEL_NAMES holds the labels; without a header, the first of 785 columns does. All others are
    pixels from 0 to 255, row by row.

    Args:
        path: The file; .gz and .zip are unpacked.
        with_labels: False to ignore the labels, which may then be missing.

    Raises:
        ReaderError: The file is damaged, or a cell is no pixel. The message names the line and the column.
    """
    import zipfile

    import numpy as np
    import pandas as pd

    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > LARGEST:
                raise ReaderError(f"would unpack to {size / 1e9:,.0f} GB")
        head = pd.read_csv(path, nrows=1, header=None, dtype=str, encoding="utf-8-sig")
        has_header = not all(str(cell).strip().lstrip("-").replace(".", "", 1).isdecimal() for cell in head.iloc[0])
        names = [str(cell).strip() for cell in head.iloc[0]] if has_header else []
        width, pixels = head.shape[1], SIDE * SIDE
        label = next((place for place, name in enumerate(names) if name.lower() in LABEL_NAMES), None)
        if not has_header and width == pixels + 1:
            label = 0
        if width - (label is not None) != pixels:
            raise ReaderError(f"has {width - (label is not None)} pixel columns, and needs {pixels} for 28x28 images")
        if with_labels and label is None:
            raise ReaderError(f"has no column of labels: name it {LABEL_NAMES[0]}")
        table = pd.read_csv(
            path, header=0 if has_header else None, names=range(width), dtype="uint8", encoding="utf-8-sig"
        )
    except ReaderError:
        raise
    except Exception as error:  # each part of a damaged file has errors of its own: pandas, gzip, zlib, zipfile
        raise ReaderError(_bad_cell(path) or f"cannot be read ({_first_line(error)})") from None
    labels = None if label is None or not with_labels else table[label].to_numpy()
    images = table.drop(columns=[] if label is None else [label]).to_numpy().reshape(-1, SIDE, SIDE)
    return np.ascontiguousarray(images), labels


def _bad_cell(path: Path) -> str | None:
    """Name the first cell that is not a whole number from 0 to 255."""
    import pandas as pd

    try:
        cells = pd.read_csv(path, header=None, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except Exception:  # the first error says more
        return None
    numbers = cells.apply(pd.to_numeric, errors="coerce")
    bad = ~((numbers >= 0) & (numbers <= 255) & (numbers % 1 == 0))
    if bad.iloc[0].any():  # a header
        bad.iloc[0] = False
    rows = bad.any(axis=1)
    if not rows.any():
        return None
    row = int(rows.to_numpy().argmax())
    column = int(bad.iloc[row].to_numpy().argmax())
    cell = str(cells.iat[row, column])[:20]
    return f"has {cell!r} in line {row + 1}, column {column + 1}, and needs a whole number from 0 to 255"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


READERS: tuple[Reader, ...] = (
    Reader("an .npz file", lambda path: path.suffix == ".npz", _read_npz),
    Reader("a .csv file", lambda path: CSV_NAME.fullmatch(path.name) is not None, _read_csv),
    Reader("a folder with IDX files", Path.is_dir, _read_idx_folder, lambda path: tuple(idx_files(path).values())),
)
"""Formats, tried in this order."""

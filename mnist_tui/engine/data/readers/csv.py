"""Reader of CSV files with one image a row: Kaggle's, Zalando's and OpenML's layouts, and sklearn's digits.

pandas reads them by blocks of rows straight to uint8. Only if that fails, as for fractions, is the file read again as
float32; a wrong cell is then looked for line by line.
"""

import contextlib
import csv
import io
import itertools
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mnist_tui.engine.data.readers.columns import LABEL_NAMES, Columns, check_square, columns_of
from mnist_tui.engine.data.readers.reader import LARGEST, Choice, Raw, ReaderError, Report, chosen, first_line, shown
from mnist_tui.image_layout import MAX_CLASSES
from mnist_tui.untrusted import opened

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME = re.compile(r".*\.csv(\.gz|\.zip)?", re.IGNORECASE)
CELLS = 2**21
"""Cells that pandas reads at a time: few enough to bound the memory, and no slower than all at once."""
LONGEST_LINE = 2**20
"""Bytes. 96x96 pixels of 20 digits each need a fifth of it."""
SMALL = 2**26
"""Bytes that any compressed file may unpack to."""
LARGEST_RATIO = 100
"""Largest ratio of unpacked to compressed bytes above SMALL: that of MNIST is 8, that of zeros 200."""
WHOLE = frozenset(map(str, range(256)))


class _Limited(io.BufferedIOBase):
    """A stream that refuses to unpack too much, and lines that are too long."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most, self._left, self._line = file, most, most, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._file.read(LONGEST_LINE if size is None or size < 0 else min(size, LONGEST_LINE))
        self._left -= len(data)
        if self._left < 0:
            raise ReaderError(f"unpacks to more than {self._most / 1e6:,.0f} MB, expected less", "split the file")
        end = data.rfind(b"\n")
        self._line = self._line + len(data) if end < 0 else len(data) - end
        if self._line > LONGEST_LINE:
            raise ReaderError(f"has a line of more than {LONGEST_LINE >> 20} MB, expected a row of pixels")
        return data

    read1 = read


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Give the text of a file as bytes, and the file itself, whose position tells the progress."""
    with contextlib.ExitStack() as stack:
        raw = file = stack.enter_context(opened(path))
        most = LARGEST
        if path.suffix.lower() in (".gz", ".zip"):
            most = min(most, max(SMALL, LARGEST_RATIO * path.stat().st_size))
        if path.suffix.lower() == ".gz":
            import gzip

            file = stack.enter_context(gzip.open(raw))  # type: ignore[assignment]  # typed as a file of its own
        elif path.suffix.lower() == ".zip":
            import zipfile

            archive = stack.enter_context(zipfile.ZipFile(raw))
            members = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__")]
            if len(members) != 1:
                raise ReaderError(f"holds {len(members)} files, expected one .csv file")
            size = members[0].file_size
            if size > most:
                raise ReaderError(f"would unpack to {size / 1e6:,.0f} MB, expected at most {most / 1e6:,.0f} MB")
            file = stack.enter_context(archive.open(members[0]))  # type: ignore[assignment]
        yield _Limited(file, most), raw  # type: ignore[misc]  # BinaryIO is no base class of io's


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Raise ReaderError for what goes wrong in the block."""
    try:
        yield
    except (ReaderError, MemoryError):
        raise
    except FileNotFoundError:
        raise ReaderError("is missing") from None
    except UnicodeDecodeError as error:
        raise ReaderError(f"is not UTF-8 text ({error.reason})", "save it as UTF-8") from None
    except Exception as error:  # each part of a damaged file has errors of its own: pandas, gzip, zlib, zipfile, csv
        raise ReaderError(f"cannot be read ({first_line(error)})") from None


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of its last line and the cells of each row that is not empty; raises ReaderError."""
    with _in_words(), _unpacked(path) as (file, _), io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        for row in reader:
            if row:
                yield reader.line_num, row


@dataclass(frozen=True)
class _Table:
    """Layout of a file, known from its first rows."""

    path: Path
    headings: tuple[str, ...]
    """Empty if the file has none."""
    width: int
    columns: Columns | None
    """None if the first or the last column holds the labels."""
    whole: bool
    """True if the first image has whole numbers from 0 to 255 only."""
    texts: tuple[int, ...]
    """Columns of labels that are texts."""

    @property
    def pixels(self) -> frozenset[int]:
        """Columns that hold numbers."""
        return frozenset(range(self.width)) - {*self.texts, *(self.columns.labels if self.columns else ())}


def read(path: Path, choices: Sequence[Choice], report: Report) -> Raw:
    """Read images, and labels if they are asked for; see `Reader.read`."""
    if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
        raise ReaderError("is not a file")
    try:
        choice = chosen(choices, ("x", "y"), "part")
    except ReaderError:
        raise ReaderError("is one table of images, without test images of its own") from None
    with _in_words():
        table = _table(path, with_labels="y" in choice)
        return _images(table, "y" in choice, report)


def has_labels(path: Path) -> bool:
    """Return True if a table may have a column of labels; damaged ones may."""
    try:
        columns = _table(path, with_labels=False).columns
    except ReaderError:
        return True
    return columns is None or bool(columns.labels)


def _table(path: Path, *, with_labels: bool) -> _Table:
    """Return the layout of a file from its first two rows."""
    start = list(itertools.islice(rows(path), 2))
    if not start:
        raise ReaderError("is empty, expected a row of pixels for each image")
    first = start[0][1]
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if any(separator in cell for cell in first):
            raise ReaderError(
                f"separates its cells with {name} in line {start[0][0]}, expected commas",
                "save it with commas, and points in fractions",
            )
    headings = tuple(first) if _is_header(first) else ()
    sample = start[-1][1]
    if headings and len(start) < 2:
        columns_of(headings)
        raise ReaderError("has headings only, expected a row for each image")
    if len(sample) != len(first):
        raise ReaderError(f"has {len(sample)} cells in line {start[-1][0]}, expected {len(first)} as in line 1")
    columns = columns_of(headings) if headings else _unnamed(len(first))
    if with_labels and columns is not None and not columns.labels:
        raise ReaderError(f"has no column of labels, expected one named {', '.join(LABEL_NAMES)}", "add it")
    texts = tuple(place for place, cell in enumerate(sample) if not _is_number(cell))
    if columns is None and texts in ((0,), (len(first) - 1,)):
        columns = Columns(tuple(place for place in range(len(first)) if place not in texts), texts)
    texts = tuple(place for place in texts if columns is not None and place in columns.labels)
    others = [cell.strip() for place, cell in enumerate(sample) if place not in texts]
    return _Table(path, headings, len(first), columns, WHOLE.issuperset(others), texts)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_header(cells: Sequence[str]) -> bool:
    """Return True for texts, or for the numbers of columns: 0, 1, 2, ..."""
    numbers = [cell for cell in cells if _is_number(cell)]
    if len(numbers) * 2 < len(cells):
        return True
    counted = [list(map(str, range(first, first + len(numbers)))) for first in (0, 1)]
    return len(numbers) > 2 and [number.strip() for number in numbers] in counted


def _unnamed(width: int) -> Columns | None:
    """Return the columns of a table without headings; None if the labels may be in the first or the last one."""
    if isqrt(width) ** 2 == width:
        check_square(width)
        return Columns(tuple(range(width)))
    check_square(width - 1)
    return None


def _images(table: _Table, with_labels: bool, report: Report) -> Raw:
    import numpy as np

    blocks = _read_blocks(table, report)
    pixels = np.concatenate([pixels for pixels, _ in blocks])
    columns, notes = table.columns, tuple[str, ...]()
    if columns is None:
        place, notes = _label_place(pixels)
        columns = Columns(tuple(column for column in range(table.width) if column != place), (place,))
        labels, pixels = pixels[:, place], np.delete(pixels, place, axis=1)
    elif columns.labels:
        labels = np.concatenate([labels for _, labels in blocks])
        labels = labels[:, 0] if len(columns.labels) == 1 else labels
    blocks.clear()

    def where(name: str, index: Sequence[int]) -> str:
        place = columns.pixels[index[1] * columns.side + index[2]] if name == "x" else columns.labels[0]
        line, _ = next(itertools.islice(rows(table.path), index[0] + bool(table.headings), None))
        return f"line {line}, column {place + 1}"

    arrays = {"x": pixels.reshape(-1, columns.side, columns.side)}
    if with_labels:
        arrays["y"] = labels
    return Raw(arrays, (*columns.notes, *notes), columns.class_names if with_labels else (), where=where)


def _read_blocks(table: _Table, report: Report) -> "list[tuple[NDArray[Any], NDArray[Any]]]":
    """Read the pixels and the labels of all rows, as uint8 if they fit, else as float32."""
    if table.whole:
        with contextlib.suppress(ValueError, OverflowError), warnings.catch_warnings():  # at the first other value
            warnings.simplefilter("ignore")
            return list(_blocks(table, "uint8", table.texts, report))
    texts = table.columns.labels if table.columns and len(table.columns.labels) == 1 else table.texts
    try:
        return list(_blocks(table, "float32", texts, report))
    except (ValueError, OverflowError):  # pandas names no place
        _refuse_cell(table)
        raise


def _blocks(
    table: _Table, kind: str, texts: Sequence[int], report: Report
) -> "Iterator[tuple[NDArray[Any], NDArray[Any]]]":
    """Yield pixels and labels by CELLS; raises ValueError or OverflowError if a cell is missing or of another kind."""
    import numpy as np
    import pandas as pd

    kinds: Any = {place: "str" if place in texts else kind for place in range(table.width)} if texts else kind
    pixels, labels = (table.columns.pixels, table.columns.labels) if table.columns else (range(table.width), ())
    size, held = table.path.stat().st_size, 0
    with (
        _unpacked(table.path) as (file, raw),
        pd.read_csv(
            file,
            header=0 if table.headings else None,
            names=range(table.width),
            dtype=kinds,
            chunksize=CELLS // table.width,
            encoding="utf-8-sig",
        ) as frames,
    ):
        for frame in frames:
            report(raw.tell(), size)
            values = (frame[list(pixels)] if texts else frame).to_numpy()
            images = np.ascontiguousarray(values if texts else values.T[list(pixels)].T)
            if kind != "uint8" and not np.isfinite(images).all():
                raise ValueError("a cell is empty or not finite")
            held += images.nbytes
            if held > LARGEST:
                raise ReaderError(f"holds more than {LARGEST / 1e9:,.1f} GB of pixels, expected less", "split the file")
            yield images, frame[list(labels)].to_numpy()


def _refuse_cell(table: _Table) -> None:
    """Raise ReaderError at the first row of another length, or the first cell that is no number."""
    for line, row in itertools.islice(rows(table.path), bool(table.headings), None):
        if len(row) != table.width:
            raise ReaderError(f"has {len(row)} cells in line {line}, expected {table.width}", "complete the row")
        if WHOLE.issuperset(row):
            continue
        for place in sorted(table.pixels):
            cell = row[place].strip()
            if not _is_number(cell) or not isfinite(float(cell)):
                fix = "write fractions with a point" if re.fullmatch(r"\d+,\d+", cell) else "correct the cell"
                raise ReaderError(f"has {shown(cell)} in line {line}, column {place + 1}, expected a number", fix)


def _label_place(table: "NDArray[Any]") -> tuple[int, tuple[str, ...]]:
    """Return the first or the last column, whichever holds labels, and a note.

    Labels are a few different whole numbers; the corner of an image has one value only, or many.

    Raises:
        ReaderError: Both columns could hold them.
    """
    import numpy as np

    last = table.shape[1] - 1
    plausible = []
    for place in (0, last):
        found = np.unique(table[:, place])
        if len(found) > 1 and found[-1] <= MAX_CLASSES and (found == np.rint(found)).all():
            plausible.append(place)
    if len(plausible) == 2:
        raise ReaderError(
            "may have its labels in the first or in the last column, expected headings",
            "name the column of labels label",
        )
    place = plausible[0] if plausible else last if not table[:, 0].any() and table[:, last].any() else 0
    return place, (f"the {'last' if place else 'first'} column was taken for the labels",)

"""Reader of Parquet files with a column of images and one of labels, as hubs of data sets store MNIST."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_tui.engine.data.readers.columns import LABEL_NAMES, columns_of
from mnist_tui.engine.data.readers.images import stacked
from mnist_tui.engine.data.readers.reader import (
    LARGEST,
    Choice,
    Raw,
    ReaderError,
    Report,
    chosen,
    first_line,
    names_in,
    shown,
)
from mnist_tui.image_layout import MIN_SIDE
from mnist_tui.untrusted import opened, sanitize

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIX = ".parquet"
PART = re.compile(r"(?:.*[_-])?(?P<part>train|test)(?:[_.-].*)?\.parquet", re.IGNORECASE)
"""Names of files of a part, such as train-00000-of-00001.parquet."""
FOLDERS = (".", "data", "mnist")
"""Folders in a data set of a hub that may hold its files."""
ROWS = 1_000
"""Rows that are read at a time."""


def matches(path: Path) -> bool:
    """Return True for a Parquet file, or a folder with one."""
    try:
        return path.suffix.lower() == SUFFIX or (path.is_dir() and bool(files(path)))
    except OSError:
        return False


def files(path: Path) -> list[Path]:
    """Return a Parquet file, or those of a folder; empty if it has none. Raise OSError."""
    if not path.is_dir():
        return [path]
    for name in FOLDERS:
        folder = path / name
        if folder.is_dir() and (found := names_in(folder, SUFFIX)):
            return [folder / each for each in found]
    return []


@dataclass
class _Part:
    """Rows of the files of one part."""

    encoded: list[bytes] = field(default_factory=list)
    """Images as PNG, JPEG and the like; or else `pixels`."""
    pixels: "list[NDArray[Any]]" = field(default_factory=list)
    labels: "NDArray[Any] | None" = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    held: int = 0
    """Bytes."""


def read(path: Path, choices: Sequence[Choice], report: Report) -> Raw:
    """Read the images and labels of the first choice that a file or folder has; see `Reader.read`."""
    import numpy as np

    found = files(path)
    named: dict[str, list[Path]] = {}
    for file in found:
        if match := PART.fullmatch(file.name):
            named.setdefault(f"_{match['part'].lower()}", []).append(file)
    if named.keys() != {"_train", "_test"}:
        named = {"": named.get("_train", found)}
    choice = chosen(choices, [f"{kind}{suffix}" for suffix in named for kind in "xy"], "Parquet file")
    left_out = [file.name for file in found if not any(file in part for part in named.values())]
    notes = [f"the file {name} was left out" for name in left_out]
    with_labels = any(name[0] == "y" for name in choice)
    parts = {suffix: _part(named[suffix], with_labels) for suffix in dict.fromkeys(name[1:] for name in choice)}
    arrays = {f"y{suffix}": part.labels for suffix, part in parts.items() if part.labels is not None}
    white = None
    encoded = [image for part in parts.values() for image in part.encoded]
    if encoded:
        images, more = stacked(encoded, lambda number: f"image {number:,}", report)
        ends = np.cumsum([len(part.encoded) for part in parts.values()])[:-1]
        arrays |= {f"x{suffix}": part for suffix, part in zip(parts, np.split(images, ends), strict=True)}
        notes, white = [*notes, *more], 255
    else:
        arrays |= {f"x{suffix}": np.concatenate(part.pixels) for suffix, part in parts.items()}
    first = next(iter(parts.values()))
    return Raw(
        {name: arrays[name] for name in choice},
        tuple(dict.fromkeys((*notes, *(note for part in parts.values() for note in part.notes)))),
        first.class_names if with_labels else (),
        white,
        where=lambda name, index: f"row {index[0] + 1}{f' of {name[2:]}' if name[1:] else ''}",
    )


def _part(paths: Sequence[Path], with_labels: bool) -> _Part:
    import numpy as np

    part, labels = _Part(), list[Any]()
    for path in paths:
        try:
            _read_file(path, part, labels, with_labels)
            part.labels = np.array(labels)
        except (ReaderError, OSError, MemoryError):
            raise
        except Exception as error:  # of pyarrow, for each part of a damaged file
            raise ReaderError(f"cannot be read ({path.name}: {first_line(error)})") from None
    if not part.encoded and not part.pixels:
        raise ReaderError("holds no rows, expected one for each image")
    return part


def _read_file(path: Path, part: _Part, labels: list[Any], with_labels: bool) -> None:
    """Add the images of a file to a part, and its labels to `labels`."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ReaderError("is read with pyarrow, which is missing", "pip install 'mnist-tui[parquet]'") from None

    with opened(path) as raw, pq.ParquetFile(raw) as file:
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > LARGEST:
            raise ReaderError(f"would unpack to more than {LARGEST / 1e9:,.1f} GB, expected less", "split the file")
        schema = file.schema_arrow
        image = next((field.name for field in schema if _is_image(pa, field.type)), None)
        label = _label_column(schema.names) if with_labels else None
        if with_labels and label is None:
            raise ReaderError(f"has no column of labels, expected one named {', '.join(LABEL_NAMES)}", "add it")
        if image is None and len(schema) < MIN_SIDE**2:
            raise ReaderError("has no column of images, expected one of encoded images or of lists of pixels")
        columns = columns_of(schema.names) if image is None else None
        if label is not None:
            part.class_names = _class_names(schema.metadata or {}, label) or part.class_names
        for batch in file.iter_batches(ROWS, columns=None if image is None else [image, *([label] if label else [])]):
            part.held += batch.nbytes
            if part.held > LARGEST:
                raise ReaderError(f"holds more than {LARGEST / 1e9:,.1f} GB, expected less", "split the file")
            if columns is not None:
                matrix = batch.select(columns.pixels).to_pandas().to_numpy()
                _add_pixels(part, matrix.reshape(-1, columns.side, columns.side))
                part.notes = columns.notes
            else:
                _add_images(pa, batch.column(image), part)
            if label is not None:
                labels += batch.column(label).to_pylist()


def _is_image(pa: Any, kind: Any) -> bool:
    """Return True for bytes, a struct with bytes, and lists of numbers."""
    if pa.types.is_struct(kind):
        return any(kind.field(place).name == "bytes" for place in range(kind.num_fields))
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or (_is_list(pa, kind) and not pa.types.is_string(kind.value_type))
    )


def _is_list(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _add_images(pa: Any, column: Any, part: _Part) -> None:
    """Add the images of a column to a part."""
    import numpy as np

    before = len(part.encoded) + sum(map(len, part.pixels))
    if pa.types.is_struct(column.type):
        column = column.field("bytes")
    if column.null_count:
        row = before + column.is_null().to_pylist().index(True) + 1
        raise ReaderError(f"has no image in row {row}, expected its bytes or pixels")
    if not _is_list(pa, column.type):
        part.encoded += column.to_pylist()
        return
    shape = [len(column)]
    while _is_list(pa, column.type):
        lengths = np.asarray(column.value_lengths().to_numpy(zero_copy_only=False))
        other = lengths != lengths[0]
        if other.any():
            row = before + int(other.argmax()) * shape[0] // len(column) + 1
            raise ReaderError(f"has an image of another size in row {row}, expected all of one size")
        shape.append(int(lengths[0]))
        column = column.flatten()
    _add_pixels(part, column.to_numpy(zero_copy_only=False).reshape(shape))


def _add_pixels(part: _Part, pixels: "NDArray[Any]") -> None:
    if part.pixels and pixels.shape[1:] != part.pixels[0].shape[1:]:
        row = sum(map(len, part.pixels)) + 1
        raise ReaderError(f"has an image of another size in row {row}, expected all of one size")
    part.pixels.append(pixels)


def _label_column(names: Sequence[str]) -> str | None:
    """Return the column of labels: one of LABEL_NAMES, or the only one whose name ends like them."""
    exact = [name for name in names if name.lower() in LABEL_NAMES]
    similar = exact or [name for name in names if name.lower().endswith(("label", "class"))]
    if len(similar) > 1:
        both = " and ".join(map(shown, similar[:2]))
        raise ReaderError(f"has the columns {both}, expected one column of labels", "rename the one to use to label")
    return similar[0] if similar else None


def _class_names(metadata: "Mapping[bytes, bytes]", label: str) -> tuple[str, ...]:
    """Return the names of the classes that the library `datasets` writes into a file; empty if there are none."""
    try:
        names = json.loads(metadata[b"huggingface"])["info"]["features"][label]["names"]
        return tuple(sanitize(name).strip() for name in names)
    except (KeyError, TypeError, ValueError, AttributeError):
        return ()

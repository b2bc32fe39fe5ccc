"""Recognition of labels: one-hot, texts, whole fractions and numbers from 1 become class numbers from 0."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_tui.engine.data.readers.reader import Raw, ReaderError, first_line, shown
from mnist_tui.image_layout import MAX_CLASSES
from mnist_tui.untrusted import read_bytes, sanitize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Labels = Mapping[str, NDArray[Any]]

CLASSES_FILE = "classes.txt"
"""File with the name of a class on each line: in a folder of data, or beside a file."""
LARGEST_CLASSES_FILE = 100_000
"""Bytes."""
NUMBER = re.compile(r"[0-9]{1,9}(\.0*)?")
RARE = 0.01
"""Share of texts among labels that are numbers; fewer are mistakes."""
NOTED = 6
"""Names that a note lists."""


def recognised(
    raw: Raw, *, complete: bool, classes: Sequence[str] = (), listed: Sequence[str] = ()
) -> "tuple[dict[str, NDArray[np.uint8]], tuple[str, ...], list[str]]":
    """Return the labels of a file as class numbers, the names of the classes, and notes about what was recognised.

    Args:
        raw: Content of the file.
        complete: True if the file should hold all classes, as one to train on does.
        classes: Names of the classes of the run that is evaluated on the file; empty if they are not known.
        listed: Names of the classes in CLASSES_FILE, for the labels 0, 1, 2, ...

    Returns:
        Labels by name, of shape (n,); names of the classes, empty if they are numbers from 0; notes.

    Raises:
        ReaderError: A label is missing, or no class. The message names its place.
    """
    import numpy as np

    notes: list[str] = []
    labels: Labels = {name: _flat(name, array, raw, notes) for name, array in raw.arrays.items() if name[0] == "y"}
    names = raw.class_names
    if any(array.dtype.kind not in "buif" for array in labels.values()):
        labels = {name: _texts(name, array, raw) for name, array in labels.items()}
        distinct = sorted_names({str(text) for array in labels.values() for text in np.unique(array)})
        if not all(map(NUMBER.fullmatch, distinct)):
            _refuse_rare_texts(raw, labels, [text for text in distinct if not NUMBER.fullmatch(text)])
            names = distinct
            labels = {name: _places(array, names) for name, array in labels.items()}
        elif any("." in text for text in distinct):
            notes.append("labels are fractions with whole values")
    labels = {name: _whole(name, array, raw, notes) for name, array in labels.items()}
    count = len(names) or MAX_CLASSES
    for name, array in labels.items():
        wrong = (array < 0) | (array >= count + (not names))  # from 1 to MAX_CLASSES is right, too
        _refuse(raw, name, array, wrong, f"0 to {count - 1}", "number the classes from 0")
    if not names and any(map(len, labels.values())):
        labels, names = _from_zero(raw, labels, listed or classes, complete, notes)
    if listed:
        labels, names = _renamed(labels, names, tuple(listed), complete)
    if classes:
        labels, names = _of_run(raw, labels, names, tuple(classes))
    if len(names) > MAX_CLASSES:
        raise ReaderError(f"has {len(names):,} classes, expected at most {MAX_CLASSES}")
    if names and not classes:
        notes.append(f"classes are {', '.join(names[:NOTED])}{', ...' if len(names) > NOTED else ''}")
    return {name: array.astype(np.uint8) for name, array in labels.items()}, names, notes


def sorted_names(names: "set[str]") -> tuple[str, ...]:
    """Return names in alphabetical order, numbers by their value."""
    return tuple(sorted(names, key=lambda name: (float(name) if NUMBER.fullmatch(name) else float("inf"), name)))


def classes_file(path: Path) -> Path:
    """Return the path that a CLASSES_FILE has for a folder or file of data."""
    return (path if path.is_dir() else path.parent) / CLASSES_FILE


def listed_names(path: Path) -> tuple[str, ...]:
    """Return the names in the CLASSES_FILE of a folder, or beside a file; empty if there is none.

    Raises:
        ReaderError: The file cannot be read, or names a class twice.
    """
    file = classes_file(path)
    if not file.is_file():
        return ()
    try:
        text = read_bytes(file, LARGEST_CLASSES_FILE).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReaderError(
            f"has a {CLASSES_FILE} that cannot be read ({first_line(error)})", "save it as UTF-8"
        ) from None
    names = tuple(sanitize(line.strip()) for line in text.splitlines() if line.strip())
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ReaderError(f"has a {CLASSES_FILE} that names {shown(twice)} twice, expected different names")
    return names


def _flat(name: str, array: "NDArray[Any]", raw: Raw, notes: list[str]) -> "NDArray[Any]":
    """Return labels of shape (n,): the columns of one-hot rows become their places."""
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim == 1:
        return array
    if array.ndim != 2 or array.dtype.kind not in "buif":
        raise ReaderError(f"holds {name} of shape {array.shape}, expected one label for each image")
    wrong = ((array != 0) & (array != 1)).any(axis=1) | (array.sum(axis=1) != 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ReaderError(f"has no one-hot label in {raw.where(name, (row,))}, expected a single 1 among zeros")
    notes.append(f"one-hot labels became {array.shape[1]} classes")
    places: NDArray[np.int64] = array.argmax(axis=1)
    return places


def _texts(name: str, array: "NDArray[Any]", raw: Raw) -> "NDArray[Any]":
    import numpy as np

    def text_of(value: object) -> str:
        return sanitize(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()

    texts = np.array([text_of(value) for value in array.tolist()], dtype=np.str_)
    missing = (texts == "") | (texts == "nan") | (texts == "None") | (texts == "<NA>")
    if missing.any():
        raise ReaderError(f"has no label in {raw.where(name, (int(missing.argmax()),))}, expected one for each image")
    return texts


def _refuse_rare_texts(raw: Raw, labels: "Labels", texts: Sequence[str]) -> None:
    """Raise ReaderError at a text among labels that are numbers almost everywhere."""
    import numpy as np

    found = {name: np.isin(array, texts) for name, array in labels.items()}
    if sum(map(np.count_nonzero, found.values())) < RARE * sum(map(len, found.values())):
        name, is_text = next((name, is_text) for name, is_text in found.items() if is_text.any())
        row = int(is_text.argmax())
        value = shown(labels[name][row])
        raise ReaderError(f"has label {value} in {raw.where(name, (row,))}, expected a number like the others")


def _places(texts: "NDArray[Any]", names: Sequence[str]) -> "NDArray[np.int64]":
    import numpy as np

    found, inverse = np.unique(texts, return_inverse=True)
    return np.array([names.index(str(text)) for text in found], np.int64)[inverse]


def _whole(name: str, array: "NDArray[Any]", raw: Raw, notes: list[str]) -> "NDArray[np.int64]":
    import numpy as np

    if array.dtype.kind == "U":  # numbers as texts
        array = array.astype(np.float64)
    elif array.dtype.kind == "f":
        notes.append("labels are fractions with whole values")
    elif array.dtype.kind == "b":
        notes.append("labels False and True became the classes 0 and 1")
    if array.dtype.kind == "f":
        _refuse(raw, name, array, ~np.isfinite(array) | (array != np.rint(array)), "a whole number")
        array = np.clip(array, -1, 2**31)
    return array.astype(np.int64)


def _refuse(
    raw: Raw, name: str, array: "NDArray[Any]", wrong: "NDArray[np.bool_]", expected: str, fix: str = ""
) -> None:
    """Raise ReaderError at the first wrong label, if there is one."""
    if wrong.any():
        row = int(wrong.argmax())
        raise ReaderError(f"has label {array[row]:g} in {raw.where(name, (row,))}, expected {expected}", fix)


def _from_zero(
    raw: Raw, labels: "Labels", known: Sequence[str], complete: bool, notes: list[str]
) -> "tuple[Labels, tuple[str, ...]]":
    """Return labels from 0, and the names of the classes if they were numbered from 1.

    The numbers 1 to n are n classes if all of them occur in a complete file, or if n names are known.
    """
    import numpy as np

    found = np.unique(np.concatenate(list(labels.values())))
    lowest, highest = int(found[0]), int(found[-1])
    is_named = bool(known) and not all(map(str.isdecimal, known))
    if (highest == len(known) and lowest > 0) if is_named else (complete and lowest == 1 and highest == len(found) > 1):
        notes.append(f"labels 1 to {highest} became the classes 0 to {highest - 1}")
        names = tuple(known) if is_named else tuple(map(str, range(1, highest + 1)))
        return {name: array - 1 for name, array in labels.items()}, names
    is_sparse = complete and len(found) * 2 < highest + 1
    if is_sparse or highest >= MAX_CLASSES:
        expected = f"numbers from 0, since {len(found)} differ" if is_sparse else f"0 to {MAX_CLASSES - 1}"
        for name, array in labels.items():
            _refuse(raw, name, array, array == highest, expected, "correct the label")
    return labels, ()


def _renamed(
    labels: "Labels", names: tuple[str, ...], listed: tuple[str, ...], complete: bool
) -> "tuple[Labels, tuple[str, ...]]":
    """Return labels as numbers of the listed names, and those names."""
    if names and set(names) <= set(listed):
        places = [listed.index(name) for name in names]
        return {name: _mapped(array, places) for name, array in labels.items()}, listed
    count = len(names) or max((int(array.max()) + 1 for array in labels.values() if len(array)), default=0)
    if not all(map(str.isdecimal, names)):
        lacking = next(name for name in names if name not in listed)
        raise ReaderError(f"has a {CLASSES_FILE} without the class {shown(lacking)}", "add it to the file")
    if count > len(listed) or (complete and count < len(listed)):
        raise ReaderError(
            f"has a {CLASSES_FILE} with {len(listed)} names, expected {count}, for the labels 0 to {count - 1}",
            "write one name on each line",
        )
    return labels, listed


def _of_run(
    raw: Raw, labels: "Labels", names: tuple[str, ...], classes: tuple[str, ...]
) -> "tuple[Labels, tuple[str, ...]]":
    """Return labels as class numbers of a run, and the names of its classes."""
    numbered = all(map(str.isdecimal, classes))
    given = names or (tuple(map(str, range(MAX_CLASSES + 1))) if numbered else classes)
    places = [classes.index(name) if name in classes else -1 for name in given]
    known = f"one of the run's classes {', '.join(map(shown, classes[:NOTED]))}{', ...' * (len(classes) > NOTED)}"
    for name, array in labels.items():
        outside = array >= len(given)
        _refuse(raw, name, array, outside, known)
        unknown = _mapped(array, places) < 0
        if unknown.any():
            row = int(unknown.argmax())
            raise ReaderError(f"has label {shown(given[array[row]])} in {raw.where(name, (row,))}, expected {known}")
    return {name: _mapped(array, places) for name, array in labels.items()}, classes


def _mapped(array: "NDArray[Any]", places: Sequence[int]) -> "NDArray[np.int64]":
    import numpy as np

    mapped: NDArray[np.int64] = np.asarray(places, np.int64)[array]
    return mapped

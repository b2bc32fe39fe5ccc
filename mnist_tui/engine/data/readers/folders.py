"""Reader of folders of images: a folder for each class, or a table labels.csv; with train/ and test/ or without."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_tui.engine.data.readers import csv
from mnist_tui.engine.data.readers.images import SUFFIXES, stacked
from mnist_tui.engine.data.readers.labels import CLASSES_FILE
from mnist_tui.engine.data.readers.reader import Choice, Raw, ReaderError, Report, chosen, shown
from mnist_tui.image_layout import MAX_CLASSES

TABLE = "labels.csv"
"""Table with the name of an image and its label in each line."""
FILE_NAMES = ("file", "filename", "file_name", "image", "path", "name", "id")
"""Headings of the first column of TABLE."""
PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
"""Name of a folder -> part of the data."""
LEFT_OUT = ("val", "valid", "validation")
"""Folders beside train/ and test/: the program takes its own validation images."""


@dataclass(frozen=True)
class _Part:
    """Image files of one part, and their labels."""

    files: list[str]
    labels: list[str] | None
    notes: tuple[str, ...] = ()


def files(folder: Path) -> list[str]:
    """Return the images and tables of a folder; raises OSError."""
    found = []
    for entry in _entries(folder):
        if entry.is_dir():
            for inner in _entries(entry.path):
                if inner.is_dir() and entry.name.lower() in PARTS:
                    found += [each.path for each in _entries(inner.path)]
                else:
                    found.append(inner.path)
        elif _is_image(entry.name) or entry.name in (TABLE, CLASSES_FILE):
            found.append(entry.path)
    return found


def read(folder: Path, choices: Sequence[Choice], report: Report) -> Raw:
    """Read the images of the first choice that a folder has; see `Reader.read`."""
    import numpy as np

    parts, notes = _parts(folder)
    names = [f"{kind}{suffix}" for suffix, part in parts.items() for kind in "xy" if kind == "x" or part.labels]
    choice = chosen(choices, names, "images or labels", f"give it a folder for each class, or images and a {TABLE}")
    suffixes = [name[1:] for name in choice if name[0] == "x"]
    sources = [file for suffix in suffixes for file in parts[suffix].files]
    images, more = stacked(sources, lambda number: os.path.relpath(sources[number], folder), report)
    ends = np.cumsum([len(parts[suffix].files) for suffix in suffixes])[:-1]
    arrays = {f"x{suffix}": part for suffix, part in zip(suffixes, np.split(images, ends), strict=True)}
    arrays |= {name: np.array(parts[name[1:]].labels) for name in choice if name[0] == "y"}
    notes += [note for suffix in suffixes for note in parts[suffix].notes]
    return Raw(
        {name: arrays[name] for name in choice},
        (*notes, *more),
        white=255,
        where=lambda name, index: os.path.relpath(parts[name[1:]].files[index[0]], folder),
    )


def _parts(folder: Path) -> tuple[dict[str, _Part], list[str]]:
    """Return the parts of a folder by the suffix of their arrays, _train and _test or none; and notes."""
    inner = {entry.name.lower(): Path(entry.path) for entry in _entries(folder) if entry.is_dir()}
    found = {f"_{PARTS[name]}": path for name, path in inner.items() if name in PARTS}
    if "_train" not in found:
        return {"": _part(folder)}, []
    notes = [f"the folder {path.name} was left out" for name, path in inner.items() if name in LEFT_OUT]
    if "_test" not in found:
        return {"": _part(found["_train"])}, notes
    return {suffix: _part(path) for suffix, path in found.items()}, notes


def _part(folder: Path) -> _Part:
    """Return the images of a folder: as its table lists them, by class, or without labels."""
    entries = list(_entries(folder))
    if any(entry.name == TABLE for entry in entries):
        try:
            rows = list(csv.rows(folder / TABLE))
        except ReaderError as error:
            raise ReaderError(f"has a {TABLE} that {error}", error.fix) from None
        return _listed(folder, rows)
    classes = [entry for entry in entries if entry.is_dir()]
    if not classes:
        images = [entry.path for entry in entries if _is_image(entry.name) and entry.is_file()]
        if not images:
            raise ReaderError(
                "holds no data" if not entries else f"holds {shown(entries[0].name)}, but no data",
                f"give it IDX, Parquet or CSV files, a folder of images for each class, or images and a {TABLE}",
            )
        return _Part(images, None)
    if len(classes) > MAX_CLASSES:
        raise ReaderError(f"has {len(classes):,} folders, expected at most {MAX_CLASSES} classes")
    paths, labels, others = list[str](), list[str](), 0
    for entry in classes:
        inside = list(_entries(entry.path))
        images = [each.path for each in inside if _is_image(each.name) and each.is_file()]
        if not images:
            raise ReaderError(
                f"has a folder {shown(entry.name)} without images, expected those of a class", "remove it"
            )
        others += len(inside) - len(images)
        paths += images
        labels += [entry.name] * len(images)
    note = f"{others:,} other files in the folders of classes were left out"
    return _Part(paths, labels, (note,) if others else ())


def _listed(folder: Path, rows: Sequence[tuple[int, list[str]]]) -> _Part:
    """Return the images that the table of a folder lists; `rows` are its lines and cells."""
    paths: dict[str, str] = {}
    has_heading = bool(rows) and rows[0][1][0].strip().lower() in FILE_NAMES
    for line, row in rows[has_heading:]:
        where = f"in {TABLE}, line {line}"
        if len(row) != 2:
            raise ReaderError(f"has {len(row)} cells {where}, expected 2: the name of an image and its label")
        name, label = (cell.strip() for cell in row)
        path = folder / name
        if not name or not path.is_relative_to(folder) or ".." in path.parts:
            raise ReaderError(f"names {shown(name)} {where}, expected an image in the folder")
        if not _is_image(name) or not path.is_file():
            raise ReaderError(f"names {shown(name)} {where}, which is no image in the folder", "correct the name")
        if str(path) in paths:
            raise ReaderError(f"names {shown(name)} a second time {where}, expected one label for each image")
        if not label:
            raise ReaderError(f"has no label {where}, expected one for each image")
        paths[str(path)] = label
    if not paths:
        raise ReaderError(f"has a {TABLE} without images, expected a line for each")
    return _Part(list(paths), list(paths.values()))


def _entries(folder: Path | str) -> "Iterator[os.DirEntry[str]]":
    """Yield the entries of a folder in alphabetical order, without hidden ones; raises OSError."""
    with os.scandir(folder) as entries:
        yield from sorted(
            (entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))), key=lambda entry: entry.name
        )


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)

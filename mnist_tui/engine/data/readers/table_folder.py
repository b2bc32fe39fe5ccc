"""Reader of folders with a table train.csv and a table test.csv, such as Kaggle's and Zalando's."""

import re
from collections.abc import Sequence
from pathlib import Path

from mnist_tui.engine.data.readers import csv
from mnist_tui.engine.data.readers.reader import Choice, Raw, ReaderError, Report, chosen, names_in

NAME = re.compile(r"(?:.*[_-])?(?P<part>train|test)\.csv(\.gz|\.zip)?", re.IGNORECASE)


def matches(path: Path) -> bool:
    """Return True for a folder with a table to train on."""
    try:
        return path.is_dir() and "train" in _tables(path)
    except OSError:
        return False


def files(folder: Path) -> list[Path]:
    """Return the tables of a folder; raises OSError."""
    return list(_tables(folder).values())


def read(folder: Path, choices: Sequence[Choice], report: Report) -> Raw:
    """Read the tables of the first choice that a folder has; see `Reader.read`."""
    tables, notes = _tables(folder), list[str]()
    if "test" in tables and not csv.has_labels(tables["test"]):
        notes.append(f"{tables.pop('test').name}, which has no labels, was left out")
    parts = {f"_{part}": file for part, file in tables.items()} if "test" in tables else {"": tables["train"]}
    choice = chosen(choices, [f"{kind}{suffix}" for suffix in parts for kind in "xy"], "table")
    kinds = ["x", "y"] if any(name[0] == "y" for name in choice) else ["x"]
    raws = {suffix: _raw(parts[suffix], kinds, report) for suffix in dict.fromkeys(name[1:] for name in choice)}
    return Raw(
        {name: raws[name[1:]].arrays[name[0]] for name in choice},
        tuple(dict.fromkeys([*notes, *(note for raw in raws.values() for note in raw.notes)])),
        next(iter(raws.values())).class_names,
        where=lambda name, index: f"{parts[name[1:]].name}, {raws[name[1:]].where(name[0], index)}",
    )


def _raw(file: Path, kinds: Choice, report: Report) -> Raw:
    try:
        return csv.read(file, [kinds], report)
    except ReaderError as error:
        raise ReaderError(f"cannot be read ({file.name} {error})", error.fix) from None


def _tables(folder: Path) -> dict[str, Path]:
    """Return the tables of a folder by their part, train or test; raises OSError."""
    found: dict[str, Path] = {}
    for name in names_in(folder, ".csv", ".csv.gz", ".csv.zip"):
        if match := NAME.fullmatch(name):
            found.setdefault(match["part"].lower(), folder / name)
    return found

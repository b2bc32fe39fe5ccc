"""Parts that all readers share: the arrays that they return, their errors and their limits."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_tui.untrusted import sanitize

if TYPE_CHECKING:
    from numpy.typing import NDArray

Choice = Sequence[str]
"""Names of arrays: x_train, y_train, x_test and y_test, or x and y, or x alone."""
Report = Callable[[int, int], None]
"""Function that is called with what has been read and with all there is to read, in any unit."""
LARGEST = 2**31
"""Bytes that a file may hold once it is unpacked."""
SHOWN = 20
"""Characters of a wrong value in a message."""


def silent(done: int, total: int) -> None:
    """Report nothing."""


class ReaderError(Exception):
    """A file cannot be read. The message continues a sentence that begins with the file's path.

    Attributes:
        fix: How to fix it; empty if only another file helps.
    """

    def __init__(self, problem: str, fix: str = "") -> None:
        super().__init__(sanitize(problem))
        self.fix = fix


def element(name: str, index: Sequence[int]) -> str:
    """Return the place of an element in an array, such as x_train[3, 14, 15]."""
    return f"{name}[{', '.join(map(str, index))}]"


@dataclass(frozen=True)
class Raw:
    """Arrays as a file holds them: values and labels of any kind."""

    arrays: "Mapping[str, NDArray[Any]]"
    """Images by x, x_train or x_test, labels by y, y_train or y_test."""
    notes: tuple[str, ...] = ()
    """Sentences about what the reader recognised or changed."""
    class_names: tuple[str, ...] = ()
    """Names of the labels 0, 1, 2, ..., if the file names them."""
    white: int | None = None
    """Pixel value of white, if the format defines it."""
    where: Callable[[str, Sequence[int]], str] = element
    """Return the place of an element of an array, such as a line and a column, for error messages."""


@dataclass(frozen=True)
class Contents:
    """Images and labels of a file."""

    arrays: "Mapping[str, NDArray[Any]]"
    """Images (n, height, width) or (n, height, width, 3) uint8; labels (n,) uint8."""
    class_names: tuple[str, ...] = ()
    """Names of the classes; empty if they are numbers from 0."""
    notes: tuple[str, ...] = ()
    """Sentences about what was recognised or changed."""


@dataclass(frozen=True)
class Reader:
    """A format of data files."""

    description: str
    """Phrase for an error message: a file or folder of this format."""
    matches: Callable[[Path], bool]
    """Return True if a path has this format. Cheap: it looks at names and kinds of files only."""
    read: Callable[[Path, Sequence[Choice], Report], Raw]
    """Return the arrays of the first choice that the file has; raises ReaderError."""
    files: Callable[[Path], Sequence[Path | str]] = field(default=lambda path: (path,))
    """Return the files that are read; raises OSError."""
    is_cached: bool = False
    """True if reading can take much longer than reading an .npz file with the same arrays."""


def chosen(choices: Sequence[Choice], names: Sequence[str], kind: str, fix: str = "") -> Choice:
    """Return the first choice whose arrays are all among `names`; raises ReaderError that names a missing one."""
    for choice in choices:
        if set(choice) <= set(names):
            return choice
    wanted = min(choices, key=lambda choice: len(set(choice) - set(names)))
    missing = next(name for name in wanted if name not in names)
    raise ReaderError(f"has no {kind} for {missing}", fix)


def names_in(folder: Path, *suffixes: str) -> list[str]:
    """Return the sorted names in a folder that end like this, fast also for 100,000 images; raises OSError."""
    return sorted(name for name in os.listdir(folder) if name.lower().endswith(suffixes))  # noqa: PTH208


def first_line(error: Exception) -> str:
    """Return the first line of an error of another library, or its kind."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def shown(value: object) -> str:
    """Return a value from a file, quoted and shortened, for an error message."""
    text = str(value)
    return repr(sanitize(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"))

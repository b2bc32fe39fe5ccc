"""Reader of .npz files, laid out like Keras' mnist.npz, or with the images x and the labels y."""

from collections.abc import Sequence
from pathlib import Path

from mnist_tui.engine.data.readers.reader import LARGEST, Choice, Raw, ReaderError, Report
from mnist_tui.image_layout import MAX_CLASSES
from mnist_tui.npz import NpzError, read_arrays
from mnist_tui.untrusted import sanitize

CLASS_NAMES = "class_names"


def read(path: Path, choices: Sequence[Choice], report: Report) -> Raw:
    """Read the arrays of the first choice that a file has; see `Reader.read`."""
    report(0, 1)
    try:
        arrays = read_arrays(path, *choices, most=LARGEST)
    except NpzError as error:
        raise ReaderError(str(error)) from None
    return Raw(arrays, class_names=_class_names(path))


def _class_names(path: Path) -> tuple[str, ...]:
    """Return the array class_names, which exported data sets have; empty without one of different texts."""
    try:
        names = read_arrays(path, (CLASS_NAMES,), most=LARGEST)[CLASS_NAMES]
    except NpzError:
        return ()
    is_list = names.ndim == 1 and names.dtype.kind == "U" and 0 < len(names) == len(set(names.tolist())) <= MAX_CLASSES
    return tuple(map(sanitize, names.tolist())) if is_list else ()

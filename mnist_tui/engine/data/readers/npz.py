"""Reader of .npz files, laid out like Keras' mnist.npz, or with the images x and the labels y."""

from collections.abc import Sequence
from pathlib import Path

from mnist_tui.engine.data.readers.reader import LARGEST, Choice, Raw, ReaderError, Report
from mnist_tui.npz import NpzError, read_arrays


def read(path: Path, choices: Sequence[Choice], report: Report) -> Raw:
    """Read the arrays of the first choice that a file has; see `Reader.read`."""
    report(0, 1)
    try:
        arrays = read_arrays(path, *choices, most=LARGEST)
    except NpzError as error:
        raise ReaderError(str(error)) from None
    return Raw(arrays)

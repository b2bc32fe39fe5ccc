"""The set "mine": images that the user drew and labelled, for `evaluate` and `train`.

It is a file beside the runs, with the arrays x uint8, `(n, height, width)` grey or `(n, height, width, 3)` RGB, y
`(n,)` uint8, and class_names. Images of another shape, or of other classes than 0 to 9, have files of their own.
"""

import fcntl
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_tui.image_layout import MNIST_SHAPE, ImageShape, shape_in_words, shape_of
from mnist_tui.npz import NpzError, read_arrays
from mnist_tui.runs.directory import RunError, home
from mnist_tui.runs.replacing import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MINE = "mine"
"""Name of the set of 28x28 grey digits, as a setting."""
HOW_TO_MAKE = "draw digits on the draw screen of a run and press a to add them, or restore it"
DIGITS = tuple("0123456789")
ARRAYS = ("x", "y", "class_names")


def mine_path() -> Path:
    """Return the path of the set of digits laid out like MNIST's; raises ConfigError without a home folder."""
    return home() / f"{MINE}.npz"


def add_to_mine(image: "NDArray[np.uint8]", label: int, class_names: Sequence[str]) -> tuple[Path, int]:
    """Add an image to the file of its shape and classes, and return the file and its number of images now.

    Args:
        image: Shape (height, width) or (height, width, 3).
        label: Its class.
        class_names: Names of all classes of the run that it was drawn for.

    Raises:
        RunError: The file is damaged, or the disk refuses it.
        ConfigError: There is no home folder.
    """
    import numpy as np

    shape = shape_of(image[np.newaxis])
    assert shape is not None, image.shape
    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f".{MINE}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of two programs that add at the same time, none loses its image
            path, images, labels = _found(folder, shape, tuple(class_names))
            images = np.concatenate([images, image[np.newaxis]])
            labels = np.append(labels, np.uint8(label))
            with replacing(path, durable=True) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, x=images, y=labels, class_names=np.array(class_names))
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror}): free some space, and add it again") from None
    return path, len(images)


def _found(
    folder: Path, shape: ImageShape, names: tuple[str, ...]
) -> "tuple[Path, NDArray[np.uint8], NDArray[np.uint8]]":
    """Return the file of a shape and of these classes with its images and labels; both are empty if it is new."""
    import numpy as np

    is_plain = shape == MNIST_SHAPE and names == DIGITS
    stem = MINE if is_plain else f"{MINE}-{shape_in_words(shape).lower().replace(' ', '-')}"
    size = shape[:2] if shape[2] == 1 else shape
    for number in count(1):
        path = folder / (f"{stem}.npz" if number == 1 else f"{stem}-{number}.npz")
        if not path.exists():
            break
        try:
            images, labels, found_names = (read_arrays(path, ARRAYS)[name] for name in ARRAYS)
        except NpzError as error:
            raise RunError(f"{path} {error}: restore it, or move it away to begin a new one") from None
        if shape_of(images) != shape or labels.shape != (len(images),) or labels.dtype != np.uint8:
            raise RunError(f"{path} holds no labelled images of {shape_in_words(shape)}: move it away")
        if tuple(found_names.tolist()) == names:
            return path, images, labels
    return path, np.zeros((0, *size), np.uint8), np.zeros(0, np.uint8)

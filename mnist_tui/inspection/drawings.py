"""Images to draw on, and drawings as files."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.image_layout import shape_of
from mnist_tui.inspection.predictions import TEST, VALIDATION
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.replacing import replacing

WANTED = re.compile(r"(?P<split>[\w-]*?)\s*#?(?P<index>\d{1,9})")


@dataclass(frozen=True, eq=False)
class Example:
    """An image of a run's data."""

    image: NDArray[np.uint8]
    """Shape (height, width) or (height, width, 3)."""
    label: int
    split: str
    index: int


def find_example(run: RunDirectory, wanted: str) -> Example:
    """Return the image with an index as screens show it, as in "247" or "test 247".

    Without a split, it is searched in the validation images and then in the test images.

    Raises:
        RunError: There is none, or the images cannot be read.
    """
    match = WANTED.fullmatch(wanted.strip().lower())
    if match is None:
        raise RunError("give the index of an image, as in 247 or test 247")
    kept = sorted(path.stem for path in (run.path / "digits").glob("[!.]*.npz"))
    splits = [match["split"]] if match["split"] else [each for each in (VALIDATION, TEST) if each in kept]
    if match["split"] and match["split"] not in kept:
        raise RunError(f"this run keeps no images of {match['split']}: give {' or '.join(kept)}")
    index = int(match["index"])
    for split in splits:
        arrays = run.load_arrays(run.digits_path(split))
        if set(arrays) < {"images", "labels", "indices"} or shape_of(arrays["images"]) is None:
            raise RunError(f"{run.digits_path(split)} holds no images: it is damaged")
        rows = np.flatnonzero(arrays["indices"] == index)
        if rows.size:
            return Example(arrays["images"][rows[0]], int(arrays["labels"][rows[0]]), split, index)
    raise RunError(
        f"the {' and the '.join(splits)} images have no index {index}: the digits screen lists those there are"
    )


def save_drawing(image: NDArray[np.uint8], path: Path) -> tuple[Path, Path]:
    """Write an image as PNG and as .npy, and return both paths; `path` may have either ending, or none.

    Raises:
        RunError: A folder is missing, or the disk refuses a file.
    """
    from PIL import Image

    stem = path.with_suffix("") if path.suffix.lower() in (".png", ".npy") else path
    picture, array = (stem.with_name(stem.name + suffix) for suffix in (".png", ".npy"))
    try:
        with replacing(picture) as temporary:
            Image.fromarray(image).save(temporary)
        with replacing(array) as temporary, temporary.open("wb") as file:
            np.save(file, image)
    except OSError as error:
        raise RunError(f"{stem} cannot be written ({error.strerror or error}): give another path") from None
    return picture, array


def free_stem(folder: Path, name: str) -> Path:
    """Return the path of the next free number of a name in a folder, without an ending."""
    found = (re.fullmatch(rf"{re.escape(name)}-(\d+)\.\w+", path.name) for path in _names(folder))
    return folder / f"{name}-{1 + max((int(each[1]) for each in found if each), default=0):03d}"


def _names(folder: Path) -> list[Any]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []

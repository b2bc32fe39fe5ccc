"""A data set as Kaggle's Digit Recognizer has it: train.csv with labels, test.csv without, and the solution."""

from pathlib import Path
from typing import TYPE_CHECKING

from mnist_tui.config import ConfigError, quoted
from mnist_tui.image_layout import shape_in_words
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.replacing import replacing
from mnist_tui.settings import user_path
from mnist_tui.untrusted import opened, sanitize

if TYPE_CHECKING:
    from mnist_tui.engine.data.datasets import DataSet

TRAINING_SHARE = 42_000 / 70_000
SEED = 0


def write_kaggle(data: "DataSet", folder: str) -> list[str]:
    """Shuffle all images of a data set and write 60 % as train.csv, the others as test.csv and solution.csv.

    Files that hold the same already are left alone; others are never replaced. Returns a line for each file.

    Raises:
        ConfigError: The images are not square and grey, there can be no such folder, or it holds other files.
        RunError: The folder cannot be written.
    """
    import numpy as np
    import pandas as pd

    height, width, channels = data.image_shape
    if height != width or channels != 1:
        raise ConfigError(
            f"--kaggle takes square grey images, and these are {shape_in_words(data.image_shape)}: give other data"
        )
    images = np.concatenate([data.training.images, data.test.images])
    labels = np.concatenate([data.training.labels, data.test.labels])
    order = np.random.RandomState(SEED).permutation(len(labels))  # its numbers never change, as NumPy promises
    count = round(len(order) * TRAINING_SHARE)
    pixels = pd.DataFrame(
        images.reshape(len(images), -1)[order], columns=[f"pixel{place}" for place in range(height * width)]
    )
    train, test = pixels[:count], pixels[count:]
    answers = labels[order[count:]]
    tables = {
        "train.csv": train.assign(label=labels[order[:count]])[["label", *train.columns]],
        "test.csv": test,
        "solution.csv": pd.DataFrame({"ImageId": np.arange(1, len(answers) + 1), "Label": answers}),
    }
    target = user_path(folder, "--kaggle")
    contents = {
        target / name: table.to_csv(index=False, lineterminator="\n").encode() for name, table in tables.items()
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        missing = [path for path, content in contents.items() if not _holds(path, content)]
        for path in missing:
            with replacing(path) as temporary:
                temporary.write_bytes(contents[path])
    except OSError as error:
        raise RunError(f"--kaggle {quoted(folder)} cannot be written ({error.strerror}): give another folder") from None
    return [
        f"{sanitize(str(path))}: {len(table):,} images{'' if path in missing else ', there already'}"
        for path, table in zip(contents, tables.values(), strict=True)
    ]


def _holds(path: Path, content: bytes) -> bool:
    """Return True if a file holds exactly this, False if there is none; raises ConfigError if it holds other data."""
    try:
        with opened(path) as file:
            if file.read(len(content) + 1) == content:
                return True
    except FileNotFoundError:
        return False
    raise ConfigError(f"--kaggle: {path} exists and holds other data: give another folder, or remove the file")

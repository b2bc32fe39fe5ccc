"""The run's data set with the reviewed labels, as an .npz file that `--data` takes."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.reviews import NO_CLASS, ReviewOutcome, review_columns
from mnist_tui.export.source import LabelledImages, Source
from mnist_tui.runs.directory import RunError


def corrected_npz(source: Source, path: Path) -> str:
    """Write x_train, y_train, x_test, y_test and class_names.

    Wrong labels are corrected. Unreadable images, and those whose correct class is unknown, are left out. Raises
    RunError if no label was reviewed.
    """
    reviews = source.inspector.review_store.read()
    if not reviews:
        raise RunError(f"run {source.run.id} has no label reviews: review labels on its screen Labels first")
    data = source.data()
    arrays: dict[str, NDArray[Any]] = {"class_names": np.array(data.class_names, dtype=np.str_)}
    corrected = left_out = 0
    parts: tuple[tuple[str, LabelledImages], ...] = (("train", data.training), ("test", data.test))
    for part, digits in parts:
        reviewed, correct = review_columns(reviews, part, digits.indices, digits.labels)
        is_corrected = correct != NO_CLASS
        kept = is_corrected | ((reviewed != ReviewOutcome.UNREADABLE) & (reviewed != ReviewOutcome.WRONG))
        labels = np.where(is_corrected, correct, digits.labels).astype(np.uint8)
        arrays |= {f"x_{part}": digits.images[kept], f"y_{part}": labels[kept]}
        corrected, left_out = corrected + int(is_corrected.sum()), left_out + int((~kept).sum())
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return f"{corrected:,} label{'s' * (corrected != 1)} corrected, {left_out:,} image{'s' * (left_out != 1)} left out"

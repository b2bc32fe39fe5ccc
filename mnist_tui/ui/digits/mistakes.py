"""The misclassified images of an evaluation as a small grid, for screens that show them beside other things."""

from collections.abc import Sequence

import numpy as np

from mnist_tui.analysis.confusion import class_name
from mnist_tui.analysis.predicted import predicted_classes
from mnist_tui.inspection.predictions import Predictions
from mnist_tui.render.text import clip, percent, sanitize
from mnist_tui.ui.digits.image_grid import GridImage

LONGEST_NAME = 5
"""Columns of a class name in a caption."""
NO_MISTAKES = "None: every image is correct."


def mistakes_of(read: Predictions, names: Sequence[str], most: int) -> tuple[GridImage, ...]:
    """Return at most `most` misclassified images: the newest predictions of a rolling evaluation, the most confident.

    Args:
        read: Predictions with their images.
        names: Names of the classes, as the run has them.
        most: Number of images.
    """
    found = predicted_classes(read.labels, read.probabilities)
    wrong = np.flatnonzero(~found.correct)
    steps = np.zeros(len(read), np.int32) if read.steps is None else read.steps
    order = wrong[np.lexsort((-found.confidence[wrong], -steps[wrong]))]

    def name(number: int) -> str:
        return clip(sanitize(class_name(number, names)), LONGEST_NAME)

    return tuple(
        GridImage(
            read.images[row].tobytes(),
            f"{name(int(read.labels[row]))} → {name(int(found.predicted[row]))}",
            percent(float(found.confidence[row]), 1)
            if read.steps is None
            else f"{percent(float(found.confidence[row]), 0)}, step {int(steps[row]):,}",
        )
        for row in order[:most]
    )

"""The misclassified images of an evaluation as a small grid, for screens that show them beside other things."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_tui.analysis.confusion import class_name
from mnist_tui.analysis.predicted import predicted_classes
from mnist_tui.inspection.figures import class_names
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import EvaluationPoint, Predictions
from mnist_tui.render.text import clip, percent, sanitize
from mnist_tui.runs.history import History
from mnist_tui.ui.digits.image_grid import GridImage

LONGEST_NAME = 5
"""Columns of a class name in a caption."""
NO_MISTAKES = "None: every image is correct."


@dataclass(frozen=True)
class Mistakes:
    """Misclassified images of an evaluation, or a sentence instead."""

    images: tuple[GridImage, ...] | str
    point: EvaluationPoint | None = None
    """None before the first evaluation."""
    shape: tuple[int, ...] = ()
    margin: int = 0
    """Pixels at each side of an image that may be cut off."""

    @property
    def kind(self) -> str:
        """Title of the images."""
        is_rolling = self.point is not None and self.point.step is not None
        return "Newest mistakes" if is_rolling else "Most confident mistakes"


def read_mistakes(inspector: Inspector, history: History, point: EvaluationPoint, most: int) -> Mistakes:
    """Read at most `most` mistakes of an evaluation; raises RunError or AnalysisError for a missing or damaged file."""
    read = inspector.predictions(point)
    images = mistakes_of(read, class_names(history, read.probabilities.shape[1]), most)
    return Mistakes(images or NO_MISTAKES, point, read.images.shape[1:], read.margin)


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
    return tuple(
        GridImage(
            read.images[row].tobytes(),
            pair_words(int(read.labels[row]), int(found.predicted[row]), names),
            percent(float(found.confidence[row]), 1)
            if read.steps is None
            else f"{percent(float(found.confidence[row]), 0)}, step {int(steps[row]):,}",
        )
        for row in order[:most]
    )


def pair_words(true: int, predicted: int, names: Sequence[str]) -> str:
    """Return a caption such as "4 → 9"; the names of the classes are as the run has them."""
    return " → ".join(clip(sanitize(class_name(each, names)), LONGEST_NAME) for each in (true, predicted))

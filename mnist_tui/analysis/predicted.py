"""Predicted classes, confidences and their checks: the one place that turns probabilities into predictions.

The predicted class is the one with the highest probability, the lowest class of several equal ones. A row of NaN (the
weights have diverged) is predicted as class 0, as in the engine's confusion matrix. Its confidence is NaN and passes no
threshold.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError

Labels = NDArray[np.integer[Any]]
"""Shape (n,): true classes, counted from 0."""
Probabilities = NDArray[np.floating[Any]]
"""Shape (n, classes); recorded as float16."""
Bools = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]

MOST_CLASSES = 256
"""Labels and predicted classes are stored as uint8."""
SMALLEST = 1e-7
"""Lowest probability in a logarithm, as in Keras: a loss is at most 16.1."""


@dataclass(frozen=True, eq=False)
class PredictedClasses:
    """Predictions for n examples; every array has the shape (n,)."""

    predicted: NDArray[np.uint8]
    correct: Bools
    confidence: NDArray[np.float32]
    """Probability of the predicted class."""
    true_probability: NDArray[np.float32]
    """Probability of the true class."""

    @property
    def loss(self) -> NDArray[np.float32]:
        """Cross-entropy of the labels."""
        return -np.log(np.clip(self.true_probability, SMALLEST, 1))


def predicted_classes(labels: Labels, probabilities: Probabilities) -> PredictedClasses:
    """Compare the most probable classes with the labels; raises AnalysisError if the shapes do not match."""
    check(labels, probabilities)
    rows = np.arange(len(labels))
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    return PredictedClasses(
        predicted=predicted,
        correct=predicted == labels,
        confidence=probabilities[rows, predicted].astype(np.float32),
        true_probability=probabilities[rows, labels].astype(np.float32),
    )


def two_highest(probabilities: Probabilities) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the highest and the second highest probability of each row, shape (n,) each; NaN for a row with NaN."""
    by_class = probabilities.T.astype(np.float32, order="C")
    first = by_class[0].copy()
    second = np.where(np.isnan(first), first, np.float32(0))
    for column in by_class[1:]:
        np.maximum(second, np.minimum(first, column), out=second)
        np.maximum(first, column, out=first)
    return first, second


def check(labels: Labels, probabilities: Probabilities) -> None:
    """Raise AnalysisError unless labels (n,) are classes of probabilities (n, classes)."""
    if probabilities.ndim != 2 or not 1 <= probabilities.shape[1] <= MOST_CLASSES:
        raise AnalysisError(
            f"probabilities have the shape {probabilities.shape}: "
            f"expected one row per example and 1 to {MOST_CLASSES} columns"
        )
    count, classes = probabilities.shape
    if len(labels) != count:
        raise AnalysisError(
            f"{len(labels):,} labels do not match {count:,} rows of probabilities: take both from the same file"
        )
    if count and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
        raise AnalysisError(
            f"labels go from {labels.min()} to {labels.max()}, but the probabilities have {classes} classes: "
            "take both from the same data set"
        )

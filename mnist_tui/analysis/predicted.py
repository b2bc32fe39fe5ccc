"""Probabilities -> the network's answers: the one place that decides what was read, how surely, and how it is compared.

A digit's answer is the class with the highest probability, the lowest class where several are equally high. A row with
NaN (the weights of a diverged epoch) is answered by its first NaN, as NumPy's argmax does and as the engine counts it
in the confusion matrix of the epoch; its confidence is NaN, so no threshold ever lets it through.
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
"""Labels and answers are kept in a byte."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network answered, row by row; all of shape (n,)."""

    predicted: NDArray[np.uint8]
    right: Bools
    """Predicted is true."""
    confidence: NDArray[np.float32]
    """Probability of the answer."""
    p_true: NDArray[np.float32]
    """Probability of the true class."""


def answers(labels: Labels, probabilities: Probabilities) -> Answers:
    """Read one epoch's probabilities; raises AnalysisError where labels and probabilities do not belong together."""
    check(labels, probabilities)
    rows = np.arange(len(labels))
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    return Answers(
        predicted=predicted,
        right=predicted == labels,
        confidence=probabilities[rows, predicted].astype(np.float32),
        p_true=probabilities[rows, labels].astype(np.float32),
    )


def two_highest(probabilities: Probabilities) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The highest and the second highest probability of each row, shape (n,) each; NaN where a row has one."""
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
            f"Probabilities of shape {probabilities.shape} cannot be read; "
            f"they need a row a digit and a column for each of 1 to {MOST_CLASSES} classes."
        )
    digits, classes = probabilities.shape
    if len(labels) != digits:
        raise AnalysisError(
            f"There are {len(labels):,} labels for {digits:,} rows of probabilities; "
            "both must come from the same recording."
        )
    if digits and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
        raise AnalysisError(
            f"Labels go from {labels.min()} to {labels.max()}, but there are probabilities of {classes} classes, "
            f"0 to {classes - 1}; both must come from the same data set."
        )

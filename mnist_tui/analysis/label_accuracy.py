"""Accuracy with and without doubtful labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.predicted import Bools, Labels
from mnist_tui.analysis.reviews import NO_CLASS, ReviewOutcome


@dataclass(frozen=True)
class Share:
    """A number of correct predictions among a total."""

    right: int
    total: int

    @property
    def accuracy(self) -> float | None:
        """0..1; None without examples."""
        return self.right / self.total if self.total else None


@dataclass(frozen=True)
class LabelAccuracy:
    """Accuracy of one set of predictions, counted in four ways."""

    as_labelled: Share
    """All examples with their original labels: the figure to compare with other results."""
    without_flagged: Share
    """Accuracy without the label issues of confident learning: biased upwards, as only mistakes are left out."""
    without_mislabelled: Share
    """Accuracy without examples reviewed as wrong or unreadable."""
    corrected: Share
    """Accuracy with corrected labels, without unreadable examples and wrong labels of unknown class."""


def label_accuracy(
    labels: Labels,
    predicted: NDArray[np.integer[Any]],
    flagged: Bools,
    reviewed: NDArray[np.uint8],
    correct: NDArray[np.int16],
) -> LabelAccuracy:
    """Count correct predictions.

    Args:
        labels: Shape (n,), like all others.
        predicted: Predicted classes.
        flagged: Label issues of confident learning.
        reviewed: ReviewOutcome codes, as `review_columns` returns them.
        correct: Correct classes, as `review_columns` returns them.
    """
    right = predicted == labels
    is_wrong = reviewed == ReviewOutcome.WRONG
    is_bad = is_wrong | (reviewed == ReviewOutcome.UNREADABLE)
    truth = np.where(is_wrong, correct, labels.astype(np.int16))
    known = (reviewed != ReviewOutcome.UNREADABLE) & (truth != NO_CLASS)
    return LabelAccuracy(
        as_labelled=_share(right),
        without_flagged=_share(right[~flagged]),
        without_mislabelled=_share(right[~is_bad]),
        corrected=_share((predicted == truth)[known]),
    )


def _share(right: Bools) -> Share:
    return Share(int(right.sum()), len(right))

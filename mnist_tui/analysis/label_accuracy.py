"""How good the network is, with and without the labels that are in doubt."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.predicted import Bools, Labels
from mnist_tui.analysis.reviews import NO_CLASS, ReviewOutcome


@dataclass(frozen=True)
class Share:
    """So many right of so many."""

    right: int
    total: int

    @property
    def accuracy(self) -> float | None:
        """0..1; None of no digits."""
        return self.right / self.total if self.total else None


@dataclass(frozen=True)
class LabelAccuracy:
    """One set of answers, counted in four ways."""

    as_labelled: Share
    """Every digit, against the label that it came with: the figure to compare with others'."""
    without_flagged: Share
    """Without the label issues of confident learning. It flatters: only digits that are read wrong
    can be disputed."""
    without_mislabelled: Share
    """Without the digits whose label a person judged wrong or unreadable."""
    corrected: Share
    """Every digit against the label that a person gave it where the first was judged wrong; without the unreadable
    ones, and without wrong labels that nobody could correct."""


def label_accuracy(
    labels: Labels,
    predicted: NDArray[np.integer[Any]],
    flagged: Bools,
    reviewed: NDArray[np.uint8],
    correct: NDArray[np.int16],
) -> LabelAccuracy:
    """Count; all of shape (n,). `judged` and `correct` are those of `verdicts.verdict_columns`."""
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

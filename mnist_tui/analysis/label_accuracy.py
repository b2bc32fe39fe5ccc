"""Accuracy with and without doubtful labels."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.predicted import Bools, Labels
from mnist_tui.analysis.reviews import NO_CLASS, ReviewOutcome
from mnist_tui.analysis.significance import Interval, Paired, paired, wilson


@dataclass(frozen=True)
class Share:
    """A number of correct predictions among a total."""

    right: int
    total: int

    @property
    def accuracy(self) -> float | None:
        """0..1; None without examples."""
        return self.right / self.total if self.total else None

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the accuracy; None without examples."""
        return wilson(self.right, self.total)


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
    gain: Paired
    """The examples of `corrected`: with corrected labels compared with original ones."""

    def with_correct(self, count: int) -> "LabelAccuracy":
        """Return the accuracy with `count` more examples, which are predicted correctly with either labels."""

        def more(share: Share) -> Share:
            return Share(share.right + count, share.total + count)

        return LabelAccuracy(
            as_labelled=more(self.as_labelled),
            without_flagged=more(self.without_flagged),
            without_mislabelled=more(self.without_mislabelled),
            corrected=more(self.corrected),
            gain=replace(self.gain, total=self.gain.total + count),
        )


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
        gain=paired(right[known], (predicted == truth)[known]),
    )


def _share(right: Bools) -> Share:
    return Share(int(right.sum()), len(right))

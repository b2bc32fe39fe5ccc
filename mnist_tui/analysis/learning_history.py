"""The same digits over the epochs: when each was learned, whether it was lost again, and how hard it is.

    read = trace(labels, epochs, stack)         # once; `read.with_epoch(...)` adds a new epoch
    now = fates(read.until(4))                  # time travel: only what was known after epoch 4

"Right" and "read as" are decided as in analysis/predicted.py. Epochs may have gaps (a missing recording): positions
count the recorded epochs, and what is reported are the epochs' own numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import Bools, Labels, Probabilities, answers

CONFIDENT = 0.9
"""A wrong answer above this probability is confidently wrong."""
NEVER = 0
"""Stands for an epoch where there is none; epochs count from 1."""


@dataclass(frozen=True, eq=False)
class LearningHistory:
    """What was answered at every recorded epoch, in about 9 bytes a digit and epoch."""

    epochs: tuple[int, ...]
    """The recorded epochs, ascending."""
    labels: Labels
    """Shape (n,)."""
    predicted: NDArray[np.uint8]
    """Shape (epochs, n)."""
    confidence: NDArray[np.float32]
    """Shape (epochs, n): probability of the answer."""
    p_true: NDArray[np.float32]
    """Shape (epochs, n): probability of the true class."""

    @property
    def right(self) -> Bools:
        """Shape (epochs, n): was it read right?"""
        return np.equal(self.predicted, self.labels)

    def until(self, epoch: int) -> "LearningHistory":
        """The part up to an epoch, as views; raises AnalysisError when no epoch as early was recorded."""
        known = sum(each <= epoch for each in self.epochs)
        if not known:
            raise AnalysisError(f"No predictions of epoch {epoch} or before were recorded; choose a later epoch.")
        return LearningHistory(
            self.epochs[:known], self.labels, self.predicted[:known], self.confidence[:known], self.p_true[:known]
        )

    def with_epoch(self, epoch: int, probabilities: Probabilities) -> "LearningHistory":
        """These and a newer epoch of the same digits, `probabilities` (n, classes); raises AnalysisError if older."""
        newer = trace(self.labels, (epoch,), [probabilities])
        return LearningHistory(
            _ascending((*self.epochs, epoch)),
            self.labels,
            np.concatenate([self.predicted, newer.predicted]),
            np.concatenate([self.confidence, newer.confidence]),
            np.concatenate([self.p_true, newer.p_true]),
        )


@dataclass(frozen=True, eq=False)
class LearningSummary:
    """What became of each digit by the newest epoch; all arrays of shape (n,)."""

    epoch: int
    """The newest epoch that counts."""
    learned_at: NDArray[np.int32]
    """Epoch from which on it stayed right; NEVER while it is wrong at the newest."""
    lost_at: NDArray[np.int32]
    """Epoch from which on it stayed wrong, having been right before; NEVER where that did not happen."""
    learned_late: Bools
    """Learned in the last third of at least two recorded epochs: 3 × position of learned_at > 2 × epochs."""
    forgotten: Bools
    """Was right, and is wrong at the newest."""
    never_learned: Bools
    """Was right at no epoch."""
    confidently_wrong: Bools
    """Wrong at the newest, with a probability above the threshold."""
    flips: NDArray[np.int32]
    """How often right turned to wrong or wrong to right between neighbouring epochs."""
    difficulty: NDArray[np.float32]
    """Mean over the epochs of 1 - p(true class), 0..1: one minus the "confidence" of Swayamdipta et al., Dataset
    Cartography (2020). Epochs with NaN are left out; NaN where all have it."""


def trace(
    labels: Labels, epochs: Sequence[int], probabilities: Sequence[Probabilities] | Probabilities
) -> LearningHistory:
    """Read the stack of an ascending list of epochs, shape (epochs, n, classes) or a list of (n, classes).

    Works through one epoch at a time, so that no copy of the stack is ever made. Raises AnalysisError when nothing was
    recorded, and when epochs and stack do not belong together.
    """
    if not len(epochs) or len(epochs) != len(probabilities):
        raise AnalysisError(
            f"There are predictions of {len(probabilities)} epochs for {len(epochs)} epochs; "
            "one of each is needed, and at least one."
        )
    read = [answers(labels, each) for each in probabilities]
    return LearningHistory(
        _ascending(tuple(epochs)),
        labels,
        np.stack([each.predicted for each in read]),
        np.stack([each.confidence for each in read]),
        np.stack([each.p_true for each in read]),
    )


def learning_summary(learning_history: LearningHistory, threshold: float = CONFIDENT) -> LearningSummary:
    """Judge every digit as of the newest epoch of the trajectories."""
    right, count = learning_history.right, len(learning_history.epochs)
    positions = np.arange(1, count + 1, dtype=np.uint16)[:, None]
    last_right = (positions * right).max(axis=0)
    last_wrong = (positions * ~right).max(axis=0)
    numbers = np.array([*learning_history.epochs, NEVER], dtype=np.int32)
    is_right = right[-1]
    forgotten = ~is_right & (last_right > 0)
    finite = np.isfinite(learning_history.p_true)
    with np.errstate(invalid="ignore"):
        mean = np.sum(learning_history.p_true, axis=0, where=finite, dtype=np.float64) / finite.sum(axis=0)
    return LearningSummary(
        epoch=learning_history.epochs[-1],
        learned_at=numbers[np.where(is_right, last_wrong, count)],
        lost_at=numbers[np.where(forgotten, last_right, count)],
        learned_late=is_right & (3 * (last_wrong.astype(np.int32) + 1) > 2 * count) & (count >= 2),
        forgotten=forgotten,
        never_learned=last_right == 0,
        confidently_wrong=~is_right & (learning_history.confidence[-1] > threshold),
        flips=(right[1:] != right[:-1]).sum(axis=0, dtype=np.int32),
        difficulty=(1 - mean).astype(np.float32),
    )


def _ascending(epochs: tuple[int, ...]) -> tuple[int, ...]:
    if any(later <= earlier for earlier, later in pairwise(epochs)):
        raise AnalysisError(f"The epochs {', '.join(map(str, epochs))} do not ascend; sort them and name each once.")
    return epochs

"""Learning history: which examples were learned or forgotten at which epoch, and how difficult they are.

    history = trace(labels, epochs, stack)      # once; `history.with_epoch(...)` appends a new epoch
    summary = learning_summary(history.until(4))  # as of epoch 4

A forgetting event is an example that was correct after one epoch and wrong after the next (Toneva et al., 2019).
Epochs without predictions are skipped: positions count recorded epochs, results carry the epochs' own numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import Bools, Labels, Probabilities, predicted_classes

NEVER = 0
"""Placeholder for a missing epoch; epochs count from 1."""


@dataclass(frozen=True, eq=False)
class LearningHistory:
    """Predictions for n examples after every recorded epoch, in about 5 bytes per example and epoch."""

    epochs: tuple[int, ...]
    """Recorded epochs, ascending."""
    labels: Labels
    """Shape (n,)."""
    predicted: NDArray[np.uint8]
    """Shape (epochs, n)."""
    true_probability: NDArray[np.float32]
    """Shape (epochs, n): probability of the true class."""

    @property
    def correct(self) -> Bools:
        """Shape (epochs, n): True where the predicted class is the true one."""
        return np.equal(self.predicted, self.labels)

    def until(self, epoch: int) -> "LearningHistory":
        """Return views of the epochs up to one; raises AnalysisError if none of them was recorded."""
        known = sum(each <= epoch for each in self.epochs)
        if not known:
            raise AnalysisError(f"no predictions up to epoch {epoch} were recorded: choose a later epoch")
        return LearningHistory(self.epochs[:known], self.labels, self.predicted[:known], self.true_probability[:known])

    def with_epoch(self, epoch: int, probabilities: Probabilities) -> "LearningHistory":
        """Append a later epoch, `probabilities` (n, classes); raises AnalysisError if it is not later."""
        newer = trace(self.labels, (epoch,), [probabilities])
        return LearningHistory(
            _ascending((*self.epochs, epoch)),
            self.labels,
            np.concatenate([self.predicted, newer.predicted]),
            np.concatenate([self.true_probability, newer.true_probability]),
        )


@dataclass(frozen=True, eq=False)
class LearningSummary:
    """The state of each example as of the newest epoch; all arrays have the shape (n,)."""

    epoch: int
    """Newest epoch."""
    learned_at: NDArray[np.int32]
    """Epoch since which the example has been correct; NEVER if it is wrong now."""
    lost_at: NDArray[np.int32]
    """Epoch since which a forgotten example has been wrong; NEVER if it is not forgotten."""
    learned_late: Bools
    """Learned in the last third of at least two recorded epochs: 3 × position of learned_at > 2 × epochs."""
    forgotten: Bools
    """Correct after some epoch, wrong now."""
    never_learned: Bools
    """Wrong after every epoch."""
    flips: NDArray[np.int32]
    """Changes between correct and wrong from one epoch to the next."""
    difficulty: NDArray[np.float32]
    """Mean over the epochs of 1 - p(true class), 0..1; epochs with NaN are left out.

    One minus the "confidence" of Swayamdipta et al., Dataset Cartography (2020).
    """


def trace(
    labels: Labels, epochs: Sequence[int], probabilities: Sequence[Probabilities] | Probabilities
) -> LearningHistory:
    """Build the history of an ascending list of epochs, with one array (n, classes) of probabilities for each.

    Raises AnalysisError if nothing was recorded, or if the two lists do not match.
    """
    if not len(epochs) or len(epochs) != len(probabilities):
        raise AnalysisError(
            f"{len(probabilities)} sets of predictions do not match {len(epochs)} epochs: give one per epoch"
        )
    read = [predicted_classes(labels, each) for each in probabilities]
    return LearningHistory(
        _ascending(tuple(epochs)),
        labels,
        np.stack([each.predicted for each in read]),
        np.stack([each.true_probability for each in read]),
    )


def learning_summary(history: LearningHistory) -> LearningSummary:
    """Summarise every example as of the newest epoch of a history."""
    correct, count = history.correct, len(history.epochs)
    positions = np.arange(1, count + 1, dtype=np.uint16)[:, None]
    last_correct = (positions * correct).max(axis=0)
    last_wrong = (positions * ~correct).max(axis=0)
    numbers = np.array([*history.epochs, NEVER], dtype=np.int32)
    is_correct = correct[-1]
    forgotten = ~is_correct & (last_correct > 0)
    finite = np.isfinite(history.true_probability)
    with np.errstate(invalid="ignore"):
        mean = np.sum(history.true_probability, axis=0, where=finite, dtype=np.float64) / finite.sum(axis=0)
    return LearningSummary(
        epoch=history.epochs[-1],
        learned_at=numbers[np.where(is_correct, last_wrong, count)],
        lost_at=numbers[np.where(forgotten, last_correct, count)],
        learned_late=is_correct & (3 * (last_wrong.astype(np.int32) + 1) > 2 * count) & (count >= 2),
        forgotten=forgotten,
        never_learned=last_correct == 0,
        flips=(correct[1:] != correct[:-1]).sum(axis=0, dtype=np.int32),
        difficulty=(1 - mean).astype(np.float32),
    )


def _ascending(epochs: tuple[int, ...]) -> tuple[int, ...]:
    if any(later <= earlier for earlier, later in pairwise(epochs)):
        raise AnalysisError(f"epochs {', '.join(map(str, epochs))} are not ascending: sort them and name each once")
    return epochs

"""The examples of one evaluation as columns: what the digits screen filters and sorts by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.learning_history import LearningSummary
from mnist_tui.analysis.predicted import Bools, Labels, Probabilities, predicted_classes, two_highest
from mnist_tui.analysis.reviews import ReviewOutcome

CONFIDENT = 0.9
"""A wrong prediction with a higher confidence is confidently wrong."""


@dataclass(frozen=True, eq=False)
class ExampleTable:
    """Columns of shape (n,), one row per example. Figures of a diverged epoch are NaN."""

    index: NDArray[np.int32]
    """Position in the data set's training (or test) set."""
    true: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    correct: Bools
    confidence: NDArray[np.float32]
    """Probability of the predicted class, 0..1."""
    margin: NDArray[np.float32]
    """Highest minus second highest probability, 0..1."""
    loss: NDArray[np.float32]
    """Cross-entropy: -ln p(true class), in nats, 0..16.1."""
    difficulty: NDArray[np.float32]
    """Mean of 1 - p(true class) over the epochs so far, 0..1."""
    learned_late: Bools
    forgotten: Bools
    never_learned: Bools
    confidently_wrong: Bools
    flagged: Bools
    """Label issues according to confident learning (analysis/label_issues.py)."""
    review: NDArray[np.uint8]
    """ReviewOutcome values."""

    def __len__(self) -> int:
        return len(self.index)


def tabulate(
    indices: NDArray[np.int32],
    labels: Labels,
    probabilities: Probabilities,
    *,
    learning_summary: LearningSummary | None = None,
    reviewed: NDArray[np.uint8] | None = None,
    flagged: Bools | None = None,
) -> ExampleTable:
    """Build the table of one evaluation from indices and labels (n,) and probabilities (n, classes).

    Without `learning_summary`, the evaluation is the only one: wrong examples were never learned, and none was learned
    late or forgotten. Raises AnalysisError if the arrays differ in length.
    """
    read = predicted_classes(labels, probabilities)
    for name, column in (("indices", indices), ("reviews", reviewed), ("label issues", flagged)):
        _check_length(name, column, len(labels))
    _check_length("learning summaries", None if learning_summary is None else learning_summary.flips, len(labels))
    first, second = two_highest(probabilities)
    none = np.zeros(len(labels), dtype=bool)
    summary = learning_summary
    return ExampleTable(
        index=indices,
        true=labels.astype(np.uint8, copy=False),
        predicted=read.predicted,
        correct=read.correct,
        confidence=read.confidence,
        margin=first - second,
        loss=read.loss,
        difficulty=1 - read.true_probability if summary is None else summary.difficulty,
        learned_late=none if summary is None else summary.learned_late,
        forgotten=none if summary is None else summary.forgotten,
        never_learned=~read.correct if summary is None else summary.never_learned,
        confidently_wrong=~read.correct & (read.confidence > CONFIDENT),
        flagged=none if flagged is None else flagged,
        review=np.full(len(labels), ReviewOutcome.UNREVIEWED, dtype=np.uint8) if reviewed is None else reviewed,
    )


def _check_length(name: str, column: NDArray[Any] | None, length: int) -> None:
    if column is not None and len(column) != length:
        raise AnalysisError(f"{len(column):,} {name} do not match {length:,} labels: take both from the same file")

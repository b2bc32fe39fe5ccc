"""One epoch's digits as columns: what the gallery filters and sorts by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.learning_history import CONFIDENT, LearningSummary
from mnist_tui.analysis.predicted import Bools, Labels, Probabilities, answers, two_highest
from mnist_tui.analysis.reviews import ReviewOutcome

SMALLEST = 1e-7
"""Probabilities are taken to be at least this in a logarithm, as in Keras: a loss is 16.1 at most."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of shape (n,); row i of all is one digit. NaN where the epoch gave no probability (it diverged)."""

    index: NDArray[np.int32]
    """Position in the data set's training (or test) part."""
    true: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    right: Bools
    confidence: NDArray[np.float32]
    """Probability of the answer, 0..1."""
    margin: NDArray[np.float32]
    """Highest minus second highest probability, 0..1."""
    loss: NDArray[np.float32]
    """-ln p(true class), in nats, 0..16.1."""
    difficulty: NDArray[np.float32]
    """Mean of 1 - p(true class) over the epochs so far, 0..1."""
    learned_late: Bools
    forgotten: Bools
    never_learned: Bools
    confidently_wrong: Bools
    flagged: Bools
    """Those that confident learning counts (analysis/label_issues.py)."""
    review: NDArray[np.uint8]
    """`Judged` codes."""

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
) -> Table:
    """Lay out one epoch: indices and labels (n,), probabilities (n, classes), and what else is known of the digits.

    Without `fates` this epoch is all that is known (a final test): whatever is wrong was never learned, nothing was
    learned late or forgotten. Raises AnalysisError when the arrays are of different lengths.
    """
    read = answers(labels, probabilities)
    for name, column in (("indices", indices), ("verdicts", reviewed), ("disputed", flagged)):
        _check_length(name, column, len(labels))
    _check_length("trajectories", None if learning_summary is None else learning_summary.flips, len(labels))
    first, second = two_highest(probabilities)
    never = np.zeros(len(labels), dtype=bool)
    return Table(
        index=indices,
        true=labels.astype(np.uint8, copy=False),
        predicted=read.predicted,
        right=read.right,
        confidence=read.confidence,
        margin=first - second,
        loss=-np.log(np.clip(read.p_true, SMALLEST, 1)),
        difficulty=1 - read.p_true if learning_summary is None else learning_summary.difficulty,
        learned_late=never if learning_summary is None else learning_summary.learned_late,
        forgotten=never if learning_summary is None else learning_summary.forgotten,
        never_learned=~read.right if learning_summary is None else learning_summary.never_learned,
        confidently_wrong=~read.right & (read.confidence > CONFIDENT)
        if learning_summary is None
        else learning_summary.confidently_wrong,
        flagged=never if flagged is None else flagged,
        review=np.full(len(labels), ReviewOutcome.UNJUDGED, dtype=np.uint8) if reviewed is None else reviewed,
    )


def _check_length(name: str, column: NDArray[Any] | None, length: int) -> None:
    if column is not None and len(column) != length:
        raise AnalysisError(
            f"There are {len(column):,} {name} for {length:,} labels; both must come from the same recording."
        )

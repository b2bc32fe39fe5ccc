"""One epoch's digits as columns: what the gallery filters and sorts by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.answers import Bools, Labels, Probabilities, answers, two_highest
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.trajectories import CONFIDENT, Fates
from mnist_tui.analysis.verdicts import Judged

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
    disputed: Bools
    """Those that confident learning counts (analysis/disputes.py)."""
    verdict: NDArray[np.uint8]
    """`Judged` codes."""

    def __len__(self) -> int:
        return len(self.index)


def tabulate(
    indices: NDArray[np.int32],
    labels: Labels,
    probabilities: Probabilities,
    *,
    fates: Fates | None = None,
    judged: NDArray[np.uint8] | None = None,
    disputed: Bools | None = None,
) -> Table:
    """Lay out one epoch: indices and labels (n,), probabilities (n, classes), and what else is known of the digits.

    Without `fates` this epoch is all that is known (a final test): whatever is wrong was never learned, nothing was
    learned late or forgotten. Raises AnalysisError when the arrays are of different lengths.
    """
    read = answers(labels, probabilities)
    for name, column in (("indices", indices), ("verdicts", judged), ("disputed", disputed)):
        _check_length(name, column, len(labels))
    _check_length("trajectories", None if fates is None else fates.flips, len(labels))
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
        difficulty=1 - read.p_true if fates is None else fates.difficulty,
        learned_late=never if fates is None else fates.learned_late,
        forgotten=never if fates is None else fates.forgotten,
        never_learned=~read.right if fates is None else fates.never_learned,
        confidently_wrong=~read.right & (read.confidence > CONFIDENT) if fates is None else fates.confidently_wrong,
        disputed=never if disputed is None else disputed,
        verdict=np.full(len(labels), Judged.UNJUDGED, dtype=np.uint8) if judged is None else judged,
    )


def _check_length(name: str, column: NDArray[Any] | None, length: int) -> None:
    if column is not None and len(column) != length:
        raise AnalysisError(
            f"There are {len(column):,} {name} for {length:,} labels; both must come from the same recording."
        )

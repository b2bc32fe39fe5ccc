"""Which digits to show, and in which order: the surest mistakes first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DigitFilter:
    """What a person wants to see of a split. The default is every mistake."""

    true: int | None = None
    """Only digits of this class; None: of any."""
    predicted: int | None = None
    """Only digits that were read as this class; None: as any."""
    only_wrong: bool = True
    """Leave out the digits that were read right."""

    @classmethod
    def cell(cls, true: int, predicted: int) -> "DigitFilter":
        """The digits that one cell of a confusion matrix counts; on the diagonal those that were read right."""
        return cls(true, predicted, only_wrong=true != predicted)

    def describe(self, names: Sequence[str] = ()) -> str:
        """How it reads in a line, as in "true:4 pred:9", "true:4 mistakes" or "all digits"."""

        def named(index: int) -> str:
            return names[index] if index < len(names) else str(index)

        parts = [] if self.true is None else [f"true:{named(self.true)}"]
        parts += [] if self.predicted is None else [f"pred:{named(self.predicted)}"]
        if self.only_wrong and len(parts) < 2:
            parts.append("mistakes")
        return " ".join(parts) or "all digits"


def rows_to_show(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating[Any]], wanted: DigitFilter
) -> NDArray[np.intp]:
    """The rows that pass the filter, by the confidence of the network's answer, the surest first (ties: by row).

    `labels` has shape (n,), `probabilities` (n, classes); the answer is the class with the highest probability.
    """
    answers = probabilities.argmax(axis=1)
    keep = np.ones(len(labels), dtype=bool)
    if wanted.true is not None:
        keep &= labels == wanted.true
    if wanted.predicted is not None:
        keep &= answers == wanted.predicted
    if wanted.only_wrong:
        keep &= answers != labels
    rows = np.flatnonzero(keep)
    confidence = probabilities[rows, answers[rows]].astype(np.float32)
    return rows[np.argsort(-confidence, kind="stable")]

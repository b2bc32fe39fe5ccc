"""A filtered and sorted list of digits: what the gallery shows and the screen of a single digit pages through."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.query import Query, Term, rows
from mnist_tui.analysis.sorting import SORTS, Sort, sort_rows
from mnist_tui.inspection.inspector import Findings
from mnist_tui.inspection.predictions import EvaluationPoint, Predictions
from mnist_tui.ui.digits.words import learning_note, location, split_words, step_words
from mnist_tui.ui.session import ImageAtHand

MISTAKES = Query((Term("wrong"),))
"""Default filter: the misclassified digits."""
BY_CONFIDENCE = SORTS["confidence"]


@dataclass(frozen=True, eq=False)
class Digit:
    """One image and its prediction."""

    index: int
    """Position in the data set's training (or test) set."""
    image: NDArray[np.uint8]
    """Shape (height, width) or (height, width, 3): 0 is the background, 255 full ink."""
    true: int
    probabilities: NDArray[np.floating[Any]]
    """Shape (classes,)."""
    split: str
    """Split of this digit; a cross-check has digits of two."""
    note: str = ""
    """When it was learned or lost, if that is notable; of a rolling evaluation, the step of its prediction."""

    @property
    def predicted(self) -> int:
        """Predicted class."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """Probability of the predicted class, 0..1."""
        return float(self.probabilities[self.predicted])

    @property
    def at_hand(self) -> ImageAtHand:
        """The image for the other screens about a single image."""
        return ImageAtHand(self.image, f"#{self.index:05d} of the {location(self.split)}", self.true)


@dataclass(frozen=True, eq=False)
class DigitList:
    """Rows of one evaluation in the order they are shown."""

    findings: Findings
    wanted: Query
    rows: NDArray[np.intp]
    names: tuple[str, ...]
    """Class names."""
    sort: Sort = BY_CONFIDENCE
    reverse: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def predictions(self) -> Predictions:
        """Predictions that `rows` index."""
        return self.findings.predictions

    @property
    def point(self) -> EvaluationPoint:
        """Evaluation that the predictions are from."""
        return self.predictions.point

    def digit(self, position: int) -> Digit:
        """Return the digit at a position of the list, counted from 0."""
        row, predictions, summary = int(self.rows[position]), self.predictions, self.findings.learning_summary
        return Digit(
            index=int(predictions.indices[row]),
            image=predictions.images[row],
            true=int(predictions.labels[row]),
            probabilities=predictions.probabilities[row],
            split=predictions.split_of(row),
            note=learning_note(summary, row) if summary is not None else step_words(predictions, row),
        )

    def position_of(self, index: int) -> int | None:
        """Return the position of the digit with this index of the data set, or None if it is not in the list."""
        found = np.flatnonzero(self.predictions.indices[self.rows] == index)
        return int(found[0]) if found.size else None

    def at(self, findings: Findings) -> "DigitList":
        """Return the same digits in the same order with the predictions of another evaluation of their split.

        A rolling evaluation may have no prediction of some of them yet; these are left out.
        """
        places = {index: row for row, index in enumerate(findings.predictions.indices.tolist())}
        known = [places[index] for index in self.predictions.indices[self.rows].tolist() if index in places]
        return replace(self, findings=findings, rows=np.array(known, dtype=np.intp))

    @property
    def split(self) -> str:
        """Name of the split on screens."""
        return split_words(self.point)

    @property
    def when(self) -> str:
        """Name of the evaluation on screens."""
        return self.point.words

    @property
    def order(self) -> str:
        """Sort order, as in "by confidence ▾"."""
        return f"by {self.sort.column} {'▾' if self.sort.highest_first != self.reverse else '▴'}"


def digit_list(
    findings: Findings, wanted: Query, names: Sequence[str], sort: Sort = BY_CONFIDENCE, *, reverse: bool = False
) -> DigitList:
    """Filter and sort the digits of one evaluation."""
    chosen = sort_rows(rows(wanted, findings.table), findings.table, sort, reverse=reverse)
    return DigitList(findings, wanted, chosen.astype(np.intp, copy=False), tuple(names), sort, reverse)

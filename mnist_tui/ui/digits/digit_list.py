"""A filtered, sorted list of recorded digits: what the gallery shows and the one-digit screen pages through."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.learning_history import NEVER, LearningSummary
from mnist_tui.analysis.query import Query, Term, rows
from mnist_tui.analysis.sorting import SORTS, Sort, sort_rows
from mnist_tui.inspection.inspector import Findings
from mnist_tui.inspection.predictions import TEST, TRAIN, VALIDATION, EvaluationPoint, Predictions

MISTAKES = Query((Term("wrong"),))
"""What the gallery shows unless it is asked for something else."""
SURE = SORTS["confidence"]


@dataclass(frozen=True, eq=False)
class Digit:
    """One digit and what the network made of it."""

    index: int
    """Position in the data set's training (or test) part."""
    image: NDArray[np.uint8]
    """Shape (28, 28): 0 is paper, 255 ink."""
    true: int
    probabilities: NDArray[np.floating[Any]]
    """Shape (classes,)."""
    split: str
    """The split it is of: a cross-check's digits are of two."""
    fate: str = ""
    """When it was learned or lost, where that is worth a word."""

    @property
    def predicted(self) -> int:
        """The network's answer."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """Probability of the answer, 0..1."""
        return float(self.probabilities[self.predicted])


@dataclass(frozen=True, eq=False)
class DigitList:
    """Rows of one moment's digits, in the order they are shown."""

    findings: Findings
    wanted: Query
    rows: NDArray[np.intp]
    names: tuple[str, ...]
    """Class names."""
    sort: Sort = SURE
    reverse: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def predictions(self) -> Predictions:
        """What the rows are rows of."""
        return self.findings.predictions

    @property
    def point(self) -> EvaluationPoint:
        """Which digits, and when they were read."""
        return self.predictions.point

    def digit(self, position: int) -> Digit:
        """The digit at a position of the list, counted from 0."""
        row, read = int(self.rows[position]), self.predictions
        fate = learning_words(self.findings.learning_summary, row) if self.findings.learning_summary is not None else ""
        return Digit(
            index=int(read.indices[row]),
            image=read.images[row],
            true=int(read.labels[row]),
            probabilities=read.probabilities[row],
            split=read.split_of(row),
            fate=fate,
        )

    def position_of(self, index: int) -> int | None:
        """Where the digit with this index of the data set stands; None when it is not in the list."""
        found = np.flatnonzero(self.predictions.indices[self.rows] == index)
        return int(found[0]) if found.size else None

    def at(self, findings: Findings) -> "DigitList":
        """The same digits in the same order as another moment of the same split read them."""
        return replace(self, findings=findings)

    @property
    def split(self) -> str:
        """Which digits these are, as in "validation"."""
        return split_words(self.point)

    @property
    def when(self) -> str:
        """After which epoch the network read them, or on which occasion."""
        return self.point.words

    @property
    def order(self) -> str:
        """By what they are sorted, as in "by confidence ▾"."""
        return f"by {self.sort.column} {'▾' if self.sort.highest_first != self.reverse else '▴'}"


def digit_list(
    findings: Findings, wanted: Query, names: Sequence[str], sort: Sort = SURE, *, reverse: bool = False
) -> DigitList:
    """Filter and sort one moment's digits."""
    chosen = sort_rows(rows(wanted, findings.table), findings.table, sort, reverse=reverse)
    return DigitList(findings, wanted, chosen.astype(np.intp, copy=False), tuple(names), sort, reverse)


def query_words(wanted: Query) -> str:
    """The filter as it stands in a line."""
    return str(wanted) or "all digits"


def split_words(point: EvaluationPoint) -> str:
    """The name of a moment's digits, to stand before "digits"."""
    return {TRAIN: "cross-checked"}.get(point.split, point.split)


def part_words(split: str) -> str:
    """Where an index of a split counts, so that anyone can find the digit again."""
    if split in (TRAIN, VALIDATION):
        return f"training part ({'training' if split == TRAIN else split} split)"
    return "test part" if split == TEST else f"set {split.removeprefix('set-')}"


def learning_words(learning_summary: LearningSummary, row: int) -> str:
    """When a digit was learned or lost, in two or three words; empty for one that was right all the time."""
    if learning_summary.lost_at[row] != NEVER:
        return f"lost at epoch {learning_summary.lost_at[row]}"
    if learning_summary.never_learned[row]:
        return "never right"
    return f"learned at epoch {learning_summary.learned_at[row]}" if learning_summary.flips[row] else ""

"""Label reviews: one per example, as data and as columns beside predictions.

An example is identified by its part of the data set (training or test) and its index there. Training and validation
examples are both from the training part, so that a review also holds in a run that splits it differently.
Callers keep reviews of different data sets apart. A review of another label than the example's is ignored.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.predicted import MOST_CLASSES, Labels

NO_CLASS = -1
"""In columns of classes: there is none."""
MAX_INDEX = 2**31 - 1
YEAR_10000 = 253_402_300_800
"""In seconds since 1970; ISO 8601 ends here."""


class ReviewOutcome(IntEnum):
    """Codes of reviews in a column."""

    UNREVIEWED = 0
    RIGHT = 1
    WRONG = 2
    UNREADABLE = 3


CODES = {"right": ReviewOutcome.RIGHT, "wrong": ReviewOutcome.WRONG, "unreadable": ReviewOutcome.UNREADABLE}


class LabelReview(msgspec.Struct, frozen=True, kw_only=True):
    """A user's review of one label. Raises ValueError if it contradicts itself."""

    split: str
    """Split in which the example was reviewed: training, validation, test or another set."""
    index: int
    """Position in the data set's training (or test) part."""
    label: int
    """Class in the data set."""
    outcome: Literal["right", "wrong", "unreadable", "withdrawn"] = msgspec.field(name="verdict")
    """`withdrawn` undoes earlier reviews. Stored as `verdict`, its name in version 0.1."""
    correct: int | None = None
    """Correct class of a wrong label; None if unknown."""
    time: float = 0.0
    """Seconds since the epoch."""
    by: str = ""
    """Reviewer."""

    def __post_init__(self) -> None:
        if not self.split:
            raise ValueError("the split is empty: name the split of the index")
        if not 0 <= self.index <= MAX_INDEX:
            raise ValueError(f"the index is {self.index}; indices go from 0 to {MAX_INDEX}")
        for number in (self.label, self.correct):
            if number is not None and not 0 <= number < MOST_CLASSES:
                raise ValueError(f"the class is {number}; classes go from 0 to {MOST_CLASSES - 1}")
        if not 0 <= self.time < YEAR_10000:
            raise ValueError(f"the time is {self.time}; it must be seconds since 1970")
        if self.correct is not None and self.outcome != "wrong":
            raise ValueError(f"the label is {self.outcome}, yet corrected; only wrong labels are")
        if self.correct == self.label:
            raise ValueError(f"the label is wrong, yet corrected to its own class {self.label}")

    @property
    def digit(self) -> tuple[str, int]:
        """Identity of the example: part of the data set, and index."""
        return part_of(self.split), self.index


def part_of(split: str) -> str:
    """Return the part of the data set in which a split counts its indices."""
    return "train" if split in ("train", "training", "validation") else split


def merge(*lists: Iterable[LabelReview]) -> list[LabelReview]:
    """Return the newest review of each example, sorted by part and index; none if the newest is `withdrawn`.

    Of equally new reviews, the last holds.
    """
    newest: dict[tuple[str, int], LabelReview] = {}
    for reviews in lists:
        for each in reviews:
            known = newest.get(each.digit)
            if known is None or each.time >= known.time:
                newest[each.digit] = each
    return [newest[digit] for digit in sorted(newest) if newest[digit].outcome != "withdrawn"]


def review_columns(
    reviews: Iterable[LabelReview], split: str, indices: NDArray[np.integer[Any]], labels: Labels
) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """Return ReviewOutcome codes and correct classes (or NO_CLASS) of a split's examples, shape (n,) each."""
    reviewed = np.full(len(indices), ReviewOutcome.UNREVIEWED, dtype=np.uint8)
    correct = np.full(len(indices), NO_CLASS, dtype=np.int16)
    own = [each for each in merge(reviews) if each.digit[0] == part_of(split)]
    if not own or not len(indices):
        return reviewed, correct
    order = np.argsort(indices, kind="stable")
    places = np.searchsorted(indices, [each.index for each in own], sorter=order)
    for each, row in zip(own, order[np.minimum(places, len(order) - 1)].tolist(), strict=True):
        if indices[row] == each.index and labels[row] == each.label:
            reviewed[row] = CODES[each.outcome]
            correct[row] = NO_CLASS if each.correct is None else each.correct
    return reviewed, correct

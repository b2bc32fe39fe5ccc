"""What people say about labels: one verdict a digit, as data, as columns beside predictions, and as CSV text.

A digit is known by the part of the data set that it is from and its index there. Training and validation digits are
both from the training part, so a verdict given in one run holds in another run that splits the part differently.
Verdicts of different data sets must be kept apart by the caller; a verdict on another label than the digit has is
taken for one of another data set and ignored.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.predicted import MOST_CLASSES, Labels

NO_CLASS = -1
"""Stands for a class where there is none."""
MOST_DIGITS = 2**31 - 1
YEAR_10000 = 253_402_300_800
"""Seconds since 1970: the first time that has no name in ISO 8601."""


class ReviewOutcome(IntEnum):
    """Verdicts as they stand in a column."""

    UNJUDGED = 0
    RIGHT = 1
    WRONG = 2
    UNREADABLE = 3


CODES = {"right": ReviewOutcome.RIGHT, "wrong": ReviewOutcome.WRONG, "unreadable": ReviewOutcome.UNREADABLE}


class LabelReview(msgspec.Struct, frozen=True, kw_only=True):
    """One person's word on one label. Raises ValueError when it contradicts itself."""

    split: str
    """Where the digit was seen: training, validation, test..."""
    index: int
    """Position in the data set's training (or test) part."""
    label: int
    """The class that the data set gives it."""
    outcome: Literal["right", "wrong", "unreadable", "withdrawn"] = msgspec.field(name="verdict")
    """`withdrawn` takes back whatever was said of the digit before."""
    correct: int | None = None
    """The class that it is, for a wrong label; None where nobody can tell."""
    time: float = 0.0
    """Seconds since the epoch."""
    by: str = ""
    """Who judged."""

    def __post_init__(self) -> None:
        if not self.split:
            raise ValueError("the split is empty; it says where the index counts")
        if not 0 <= self.index <= MOST_DIGITS:
            raise ValueError(f"the index is {self.index}; indices go from 0 to {MOST_DIGITS}")
        for number in (self.label, self.correct):
            if number is not None and not 0 <= number < MOST_CLASSES:
                raise ValueError(f"class {number} cannot be; classes go from 0 to {MOST_CLASSES - 1}")
        if not 0 <= self.time < YEAR_10000:
            raise ValueError(f"the time is {self.time}; it must be seconds since 1970")
        if self.correct is not None and self.outcome != "wrong":
            raise ValueError(f"a label judged {self.outcome} has no correct one beside it; only a wrong one has")
        if self.correct == self.label:
            raise ValueError(f"the label is judged wrong, yet corrected to the same class {self.label}")

    @property
    def digit(self) -> tuple[str, int]:
        """What the digit is known by: part of the data set, and index."""
        return part_of(self.split), self.index


def part_of(split: str) -> str:
    """The part of the data set that a split's indices count in."""
    return "train" if split in ("train", "training", "validation") else split


def merge(*lists: Iterable[LabelReview]) -> list[LabelReview]:
    """One verdict a digit, the newest (of equally new ones the last given), sorted by part and index.

    A digit whose newest is `withdrawn` has none.
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
    """Verdicts beside the digits of a split, shape (n,) each: `Judged` codes, and correct classes or NO_CLASS."""
    reviewed = np.full(len(indices), ReviewOutcome.UNJUDGED, dtype=np.uint8)
    correct = np.full(len(indices), NO_CLASS, dtype=np.int16)
    mine = [each for each in merge(reviews) if each.digit[0] == part_of(split)]
    if not mine or not len(indices):
        return reviewed, correct
    order = np.argsort(indices, kind="stable")
    places = np.searchsorted(indices, [each.index for each in mine], sorter=order)
    for each, row in zip(mine, order[np.minimum(places, len(order) - 1)].tolist(), strict=True):
        if indices[row] == each.index and labels[row] == each.label:
            reviewed[row] = CODES[each.outcome]
            correct[row] = NO_CLASS if each.correct is None else each.correct
    return reviewed, correct

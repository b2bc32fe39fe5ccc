"""The verdicts that one person gives on a screen: what they replace, and how they are taken back."""

from collections.abc import Callable, Iterable

import msgspec

from mnist_tui.analysis.reviews import LabelReview, merge

LATER = 0.001
"""Seconds by which a verdict is newer than the one before it, whatever the clock does: the newest wins a digit."""


class ReviewSession:
    """Gives verdicts their time. `clock` tells it in seconds since the epoch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._given: list[LabelReview] = []
        self._undo: list[tuple[LabelReview, LabelReview | None]] = []
        self._newest = 0.0

    def standing(self, book: Iterable[LabelReview]) -> list[LabelReview]:
        """One verdict a digit: those of the book, and those given here that are still on their way into it."""
        return merge(book, self._given)

    @property
    def can_take_back(self) -> bool:
        """Whether a verdict was given here that still holds."""
        return bool(self._undo)

    def give(self, review: LabelReview, before: LabelReview | None) -> LabelReview:
        """The verdict as it is to be kept; `before` is what stood on its digit."""
        given = self._timed(review, before)
        self._undo.append((given, before))
        return given

    def take_back(self) -> LabelReview:
        """What is to be kept so that the verdict given last no longer holds: the one before it, or a withdrawal."""
        given, before = self._undo.pop()
        return self._timed(before or withdrawal(given), given)

    def withdraw(self, review: LabelReview) -> LabelReview:
        """What is to be kept so that a verdict that was given elsewhere no longer holds."""
        return self._timed(withdrawal(review), review)

    def lost(self, review: LabelReview) -> None:
        """The verdict could not be kept."""
        self._given = [each for each in self._given if each is not review]
        self._undo = [(given, before) for given, before in self._undo if given is not review]

    def _timed(self, review: LabelReview, before: LabelReview | None) -> LabelReview:
        earliest = max(self._newest, before.time if before is not None else 0.0) + LATER
        self._newest = max(self._clock(), earliest)
        timed = msgspec.structs.replace(review, time=self._newest)
        self._given.append(timed)
        return timed


def withdrawal(review: LabelReview) -> LabelReview:
    """A verdict that takes another one back; the time is not yet its own."""
    return msgspec.structs.replace(review, outcome="withdrawn", correct=None)

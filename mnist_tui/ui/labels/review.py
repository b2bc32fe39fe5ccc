"""The reviews that a user gives on one screen, and how to undo them."""

from collections.abc import Callable, Iterable

import msgspec

from mnist_tui.analysis.reviews import LabelReview, merge

LATER = 0.001
"""Seconds by which a review is newer than the last, even if the clock goes back: the newest review holds."""


class ReviewSession:
    """Reviews of one session. `clock` returns seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._given: list[LabelReview] = []
        self._undo: list[tuple[LabelReview, LabelReview | None]] = []
        self._newest = 0.0

    def standing(self, stored: Iterable[LabelReview]) -> list[LabelReview]:
        """Return the newest review of each example, including those that are still being written."""
        return merge(stored, self._given)

    @property
    def can_undo(self) -> bool:
        """True if a review of this session still holds."""
        return bool(self._undo)

    def give(self, review: LabelReview, before: LabelReview | None) -> LabelReview:
        """Return the review with its time; `before` is the one that it replaces."""
        given = self._timed(review, before)
        self._undo.append((given, before))
        return given

    def undo(self) -> LabelReview:
        """Return the review that undoes the last one: the one before it, or a withdrawal."""
        given, before = self._undo.pop()
        return self._timed(before or withdrawal(given), given)

    def withdraw(self, review: LabelReview) -> LabelReview:
        """Return the review that withdraws one of another session."""
        return self._timed(withdrawal(review), review)

    def lost(self, review: LabelReview) -> None:
        """Drop a review that could not be written."""
        self._given = [each for each in self._given if each is not review]
        self._undo = [(given, before) for given, before in self._undo if given is not review]

    def _timed(self, review: LabelReview, before: LabelReview | None) -> LabelReview:
        earliest = max(self._newest, before.time if before is not None else 0.0) + LATER
        self._newest = max(self._clock(), earliest)
        timed = msgspec.structs.replace(review, time=self._newest)
        self._given.append(timed)
        return timed


def withdrawal(review: LabelReview) -> LabelReview:
    """Return a review that withdraws another; its time is not set yet."""
    return msgspec.structs.replace(review, outcome="withdrawn", correct=None)

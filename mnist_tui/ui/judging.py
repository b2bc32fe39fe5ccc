"""The verdicts that one person gives on a screen: what they replace, and how they are taken back."""

from collections.abc import Callable, Iterable

import msgspec

from mnist_tui.analysis.verdicts import Verdict, merge

LATER = 0.001
"""Seconds by which a verdict is newer than the one before it, whatever the clock does: the newest wins a digit."""


class Judging:
    """Gives verdicts their time. `clock` tells it in seconds since the epoch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._given: list[Verdict] = []
        self._undo: list[tuple[Verdict, Verdict | None]] = []
        self._newest = 0.0

    def standing(self, book: Iterable[Verdict]) -> list[Verdict]:
        """One verdict a digit: those of the book, and those given here that are still on their way into it."""
        return merge(book, self._given)

    @property
    def can_take_back(self) -> bool:
        """Whether a verdict was given here that still holds."""
        return bool(self._undo)

    def give(self, verdict: Verdict, before: Verdict | None) -> Verdict:
        """The verdict as it is to be kept; `before` is what stood on its digit."""
        given = self._timed(verdict, before)
        self._undo.append((given, before))
        return given

    def take_back(self) -> Verdict:
        """What is to be kept so that the verdict given last no longer holds: the one before it, or a withdrawal."""
        given, before = self._undo.pop()
        return self._timed(before or withdrawal(given), given)

    def withdraw(self, verdict: Verdict) -> Verdict:
        """What is to be kept so that a verdict that was given elsewhere no longer holds."""
        return self._timed(withdrawal(verdict), verdict)

    def lost(self, verdict: Verdict) -> None:
        """The verdict could not be kept."""
        self._given = [each for each in self._given if each is not verdict]
        self._undo = [(given, before) for given, before in self._undo if given is not verdict]

    def _timed(self, verdict: Verdict, before: Verdict | None) -> Verdict:
        earliest = max(self._newest, before.time if before is not None else 0.0) + LATER
        self._newest = max(self._clock(), earliest)
        timed = msgspec.structs.replace(verdict, time=self._newest)
        self._given.append(timed)
        return timed


def withdrawal(verdict: Verdict) -> Verdict:
    """A verdict that takes another one back; the time is not yet its own."""
    return msgspec.structs.replace(verdict, verdict="withdrawn", correct=None)

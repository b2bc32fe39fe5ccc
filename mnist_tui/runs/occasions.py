"""Occasions on which the user of a run wants word: it ended, failed, waits for a decision, stalled or crashed."""

import statistics
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from mnist_tui.events import (
    AlertRaised,
    AnyEvent,
    EpochEnded,
    LayerHistograms,
    LayerStats,
    Occasion,
    Phase,
    PhaseChanged,
    RollingEvaluated,
    RunEnded,
    RunFailed,
    RunResumed,
    RunStarted,
    StepEnded,
)
from mnist_tui.runs.notes import describe

STALL_FACTOR = 10
"""Usual times of a step without another one after which a run has stalled."""
LEAST_STALL_SECONDS = 60.0
"""Shortest stall: on a loaded machine or a slow disk, any step may take some seconds."""
LEAST_PHASE_SECONDS = 600.0
"""Shortest stall outside of the training steps: loading, compiling, validation and test report nothing meanwhile."""
RECENT_STEPS = 50
WORK = StepEnded | PhaseChanged | EpochEnded | LayerStats | LayerHistograms | RollingEvaluated | RunStarted | RunResumed
"""Events of the training thread. Others, such as hardware samples, also come while it hangs."""


@dataclass(frozen=True)
class Word:
    """An occasion and its reason in one line."""

    occasion: Occasion
    reason: str
    time: float
    """Seconds since 1970; of a stall or a crash, when it was noticed last before: its newest event."""


def sentence(name: str, word: Word, ended: RunEnded | None) -> str:
    """Return an occasion of a run in a line, with the result if the run ended."""
    if word.occasion is Occasion.ENDED and ended is not None:
        return f"{name}: {describe(ended)}"
    return f"{name} {word.occasion}: {word.reason}"


class OccasionWatch:
    """Finds the occasions in the events of a run. It reads no clock: monotonic seconds come in."""

    def __init__(self) -> None:
        self._words: list[Word] = []
        self._is_over = False
        self._phase: Phase | None = None
        self._last_step: StepEnded | None = None
        """Newest step of this phase."""
        self._seconds: deque[float] = deque(maxlen=RECENT_STEPS)
        """Times between steps, or between executions of several steps."""
        self._worked_at: float | None = None
        """Monotonic time of the newest sign of work; None before the first and after a stall."""
        self._newest = 0.0

    def apply(self, events: Iterable[AnyEvent], now: float) -> None:
        """Apply new events, oldest first, at a monotonic time."""
        for event in events:
            self._newest = event.time
            if isinstance(event, WORK):
                self._worked_at = now
            match event:
                case StepEnded():
                    if self._last_step is not None:
                        self._seconds.append(max(0.0, event.time - self._last_step.time))
                    self._last_step = event
                case PhaseChanged():
                    self._phase, self._last_step = event.phase, None
                case RunResumed():
                    self._is_over, self._last_step = False, None
                    self._words.clear()
                case RunEnded():
                    self._end(Word(Occasion.ENDED, str(event.reason), event.time))
                case RunFailed():
                    self._end(Word(Occasion.FAILED, event.error, event.time))
                case AlertRaised(awaits_decision=True):
                    self._words.append(Word(Occasion.DIVERGED, event.text, event.time))
                case _:
                    pass

    def _end(self, word: Word) -> None:
        self._words.append(word)
        self._is_over = True

    def take(self, now: float, *, live: bool, saves: bool = True) -> list[Word]:
        """Return what has happened since the last call.

        Args:
            now: Monotonic time.
            live: The run has an engine.
            saves: The engine can write its events. If it cannot, nothing is known of its steps.
        """
        words, self._words = self._words, []
        if self._is_over:
            return words
        if not live:
            self._is_over = True
            reason = "the engine was killed, or exited without an error message"
            return [*words, Word(Occasion.CRASHED, reason, self._newest)]
        if not saves:
            self._worked_at = now
        quiet = 0.0 if self._worked_at is None else now - self._worked_at
        if quiet > self._patience:
            self._worked_at = None  # once, until it works again
            usual = f", usually one every {statistics.median(self._seconds):.2g} s" if self._seconds else ""
            what = "no step" if self._phase is Phase.TRAINING else f"nothing while {self._phase}"
            words.append(Word(Occasion.STALLED, f"{what} for {quiet:.0f} s{usual}", self._newest))
        return words

    @property
    def _patience(self) -> float:
        """Seconds without a sign of work after which the run has stalled."""
        if self._phase is Phase.PAUSED:
            return float("inf")
        usual = STALL_FACTOR * statistics.median(self._seconds) if self._seconds else 0.0
        return max(LEAST_STALL_SECONDS if self._phase is Phase.TRAINING else LEAST_PHASE_SECONDS, usual)

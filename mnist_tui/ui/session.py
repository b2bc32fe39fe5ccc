"""One opened run as the face sees it: follows its events, and hands out frozen views, predictions and pictures."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from mnist_tui.control.client import Attachment, origin
from mnist_tui.events import AlertRaised, Phase
from mnist_tui.inspection.inspector import Findings, Inspector
from mnist_tui.inspection.predictions import TEST, VALIDATION, EvaluationPoint, Predictions
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.progress import Progress, progress
from mnist_tui.runs.status import Status

LIVENESS_SECONDS = 1.0


@dataclass(frozen=True)
class RunView:
    """What a screen draws: a moment of a run. `history` is shared and only grows; `revision` says when it did."""

    history: History
    progress: Progress
    status: Status
    now: float
    """Seconds since the epoch: the only clock a widget sees."""
    revision: int
    unknown_events: int
    trouble: str = ""
    """The engine's sentence about what cannot be saved; empty while all is."""
    has_engine: bool = False
    """Whether an engine is there: it may also wait after the run's end, to be questioned or to train on."""


class RunSession:
    """Follows one run directory. `poll` reads what is new; everything else is read when a screen asks for it.

    While an engine is there it is told that somebody watches, until `close`.
    """

    def __init__(self, run: RunDirectory, clock: Callable[[], float] = time.time) -> None:
        self.run = run
        self.record = run.record()
        self.clock = clock
        self._follower = LogFollower(run.events_path)
        self._history = History(self.record)
        self._live = False
        self._attachment: Attachment | None = None
        self._is_closed = False
        self.dismissed: set[str] = set()
        """Sentences of the banner that somebody has read and put away."""
        self.asked_about: AlertRaised | None = None
        """The alert whose decision was last asked for."""
        self._live_checked = -1e9
        self._shown: tuple[object, ...] = ()
        self.inspector = Inspector(run, self.record)
        self._chosen: EvaluationPoint | None = None
        self.view = self._make_view()

    def poll(self) -> bool:
        """Read new events; True when `view` changed: an event came, the status changed, or a shown second passed."""
        now = self.clock()
        live = self._live
        if abs(now - self._live_checked) >= LIVENESS_SECONDS:
            live, self._live_checked = self._look(), now
        with contextlib.suppress(OSError):  # a disk that went away: `trouble` and the status say so
            while events := self._follower.read():  # to the end: half a run would be a lie
                self._history.apply_all(events)
        self._live = live
        self._attend()
        ticking = self._live and self._history.phase is not Phase.TRAINING and not self._history.is_over
        state = (self._history.revision, self._live, self._trouble, int(now) if ticking else 0)
        if state == self._shown:
            return False
        if self.view.trouble and self._trouble != self.view.trouble:
            self.dismissed.discard(self.view.trouble)  # should it come back, it is news
        self._shown = state
        self.view = self._make_view()
        return True

    def look_again(self) -> None:
        """Let the next `poll` look whether an engine is there, however soon it comes."""
        self._live_checked = -1e9

    def close(self) -> None:
        """Let the engine know that nobody watches here any more; returns at once."""
        self._is_closed = True
        if self._attachment is not None:
            self._attachment.close()

    def _look(self) -> bool:
        """Whether an engine is there: by its lock, or by its answers when the lock has vanished with the directory."""
        if self.run.is_live():
            return True
        return self._attachment is not None and self._attachment.alive and not self.run.lock_path.exists()

    @property
    def _trouble(self) -> str:
        return self._attachment.save_error if self._attachment is not None else ""

    def _attend(self) -> None:
        if self._attachment is None and self._live and not self._is_closed:
            self._attachment = Attachment(self.run, origin("screen"))
        elif self._attachment is not None and not self._live:
            self._attachment.close()
            self._attachment = None

    def _make_view(self) -> RunView:
        history, now = self._history, self.clock()
        status = history.status(live=self._live)
        if not status.is_live and history.last_time is not None:
            now = history.last_time  # a run that is over stands still
        return RunView(
            history=history,
            progress=progress(history, now),
            status=status,
            now=now,
            revision=history.revision,
            unknown_events=self._follower.unknown,
            trouble=self._trouble,
            has_engine=self._live,
        )

    def points(self) -> list[EvaluationPoint]:
        """What can be looked at: the validated epochs in their order, then the final test and other sets."""
        return self.inspector.points(self._history)

    @property
    def point(self) -> EvaluationPoint | None:
        """What is looked at: what somebody travelled to, else the newest validated epoch; None before the first."""
        if self._chosen is not None and self._chosen in self.points():
            return self._chosen
        epochs = self._history.epochs
        return EvaluationPoint(VALIDATION, epochs[-1].epoch) if epochs else None

    @property
    def follows(self) -> bool:
        """Whether the newest epoch is looked at, whatever it is."""
        return self._chosen is None

    def travel_to(self, point: EvaluationPoint | None) -> None:
        """Look at a moment, on all screens; at the newest epoch (or None), and at each that comes after it."""
        epochs = self._history.epochs
        newest = EvaluationPoint(VALIDATION, epochs[-1].epoch) if epochs else None
        self._chosen = None if point == newest else point

    def findings(self, point: EvaluationPoint) -> Findings:
        """All that is known of a moment's digits; raises RunError when its predictions are missing or damaged."""
        return self.inspector.findings(point, self._history)

    def predictions(self, epoch: int | None) -> Predictions:
        """Predictions after an epoch (None: of the final test); raises RunError when they are missing or damaged."""
        return self.inspector.predictions(
            EvaluationPoint(TEST) if epoch is None else EvaluationPoint(VALIDATION, epoch)
        )

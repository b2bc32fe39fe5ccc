"""An opened run as the user interface sees it: its events, frozen views, predictions and images."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnist_tui.control.client import Attachment, origin
from mnist_tui.events import AlertRaised, Phase
from mnist_tui.inspection.inspector import Findings, Inspector
from mnist_tui.inspection.predictions import TEST, VALIDATION, EvaluationPoint, Predictions, newest_point
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.liveness import LiveEngine
from mnist_tui.runs.log import LogFollower, opened_log
from mnist_tui.runs.occasions import OccasionWatch, sentence
from mnist_tui.runs.progress import Progress, progress
from mnist_tui.runs.status import Status
from mnist_tui.ui.model_loader import ModelLoader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIVENESS_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class ImageAtHand:
    """The image that the user looked at or drew last, for the screens about a single image."""

    image: "NDArray[np.uint8]"
    """Shape (height, width) or (height, width, 3)."""
    title: str
    """The name on screens, as in "#00247 of the test set"."""
    label: int | None = None
    """True class, if it is known."""


@dataclass(frozen=True)
class RunView:
    """A snapshot of a run for the screens. `history` is shared and only grows; `revision` changes when it does."""

    history: History
    progress: Progress
    status: Status
    now: float
    """Seconds since 1970; widgets read no other clock."""
    revision: int
    unknown_events: int
    save_error: str = ""
    """The engine's message about what it cannot save; empty if it saves everything."""
    has_engine: bool = False
    """True if an engine is alive; it may also wait after the run's end, to explain digits or to train on."""
    engine: LiveEngine | None = None
    """The live engine; also None if the run directory is gone."""


class RunSession:
    """Follows one run directory. `poll` reads new events; predictions are read when a screen needs them.

    A live engine knows this viewer until `close`. Raises RunError if the run cannot be read.
    """

    def __init__(self, run: RunDirectory, clock: Callable[[], float] = time.time) -> None:
        self.run = run
        self.record = run.record()
        self.clock = clock
        with opened_log(run.events_path):
            self._follower = LogFollower(run.events_path)
        self._history = History(self.record)
        self._watch = OccasionWatch()
        self._live = False
        self._engine: LiveEngine | None = None
        self._last_save_error = ""
        """Files that the last engine could not save, when none is live."""
        self._attachment: Attachment | None = None
        self._is_closed = False
        self.dismissed: set[str] = set()
        """Messages of the banner that the user has hidden."""
        self.asked_about: AlertRaised | None = None
        """The last alert for which a decision dialog was opened."""
        self._live_checked = -1e9
        self._shown: tuple[object, ...] = ()
        self.inspector = Inspector(run, self.record)
        self.model_loader = ModelLoader(run, clock)
        self.at_hand: ImageAtHand | None = None
        self._chosen: EvaluationPoint | None = None
        self.view = self._make_view()

    def poll(self) -> bool:
        """Read new events; return True if `view` changed.

        It changes with an event, with the status, or when a second shown on the screen has passed.
        """
        now = self.clock()
        live, engine = self._live, self._engine
        if abs(now - self._live_checked) >= LIVENESS_SECONDS:
            engine, self._live_checked = self.run.engine(), now
            live = engine is not None or self._replies
            self._last_save_error = "" if live else self.run.save_error()
        with contextlib.suppress(RunError):  # a disk that went away, which `save_error` and the status show
            while events := self._follower.read():  # to the end: half a run would be a lie
                self._history.apply_all(events)
                self._watch.apply(events, time.monotonic())
        self._live, self._engine = live, engine
        self._attend()
        self.model_loader.poll()
        ticking = self._live and self._history.phase is not Phase.TRAINING and not self._history.is_over
        loading = self.model_loader.progress, self.model_loader.problem
        state = (
            self._history.revision,
            self._live,
            self._engine,
            self._save_error,
            int(now) if ticking else 0,
            loading,
        )
        if state == self._shown:
            return False
        if self.view.save_error and self._save_error != self.view.save_error:
            self.dismissed.discard(self.view.save_error)  # should it come back, it is news
        self._shown = state
        self.view = self._make_view()
        return True

    def news(self) -> list[str]:
        """Return a sentence for each occasion since the last call, such as the end of the run or a stall."""
        words = self._watch.take(time.monotonic(), live=self._live, saves=not self._save_error)
        return [sentence(self.record.name, word, self._history.ended) for word in words]

    def recheck_engine(self) -> None:
        """Make the next `poll` check at once whether an engine is alive."""
        self._live_checked = -1e9

    def close(self) -> None:
        """Detach from the engine; returns at once."""
        self._is_closed = True
        self.model_loader.close()
        if self._attachment is not None:
            self._attachment.close()

    @property
    def _replies(self) -> bool:
        """True if the directory is gone, and its engine replies."""
        return self._attachment is not None and self._attachment.alive and not self.run.lock.path.exists()

    @property
    def _save_error(self) -> str:
        return self._attachment.save_error if self._attachment is not None else self._last_save_error

    def _attend(self) -> None:
        if self._attachment is None and self._live and not self._is_closed:
            self._attachment = Attachment(self.run, origin("screen"))
        elif self._attachment is not None and not self._live:
            self._attachment.close()
            self._attachment = None

    def _make_view(self) -> RunView:
        history, now = self._history, self.clock()
        silent_since = self._engine.silent_since if self._engine is not None else None
        status = history.status(live=self._live, responds=silent_since is None)
        if not status.is_live and history.last_time is not None:
            now = history.last_time  # the clock of a run that is over stops
        elif silent_since is not None:
            now = silent_since
        return RunView(
            history=history,
            progress=progress(history, now),
            status=status,
            now=now,
            revision=history.revision,
            unknown_events=self._follower.unknown,
            save_error=self._save_error,
            has_engine=self._live,
            engine=self._engine,
        )

    def points(self) -> list[EvaluationPoint]:
        """Return all evaluations: epochs and rolling ones in their order, then the final test and other sets."""
        return self.inspector.points(self._history)

    @property
    def newest(self) -> EvaluationPoint | None:
        """The newest evaluation of the validation images: an epoch's or a rolling one; None before the first."""
        return newest_point(self._history)

    @property
    def point(self) -> EvaluationPoint | None:
        """The evaluation shown: the user's choice, else the newest; None before the first.

        In place of a chosen rolling evaluation that was thinned out, it is the one before it.
        """
        chosen = self._chosen
        if chosen is not None:
            points = self.points()
            if chosen in points:
                return chosen
            earlier = [each for each in points if None not in (each.step, chosen.step) and each < chosen]
            if earlier:
                return earlier[-1]
        return self.newest

    @property
    def full_point(self) -> EvaluationPoint | None:
        """The evaluation shown, or in place of a rolling one the epoch before it; None if there is none."""
        point = self.point
        if point is None or point.step is None:
            return point
        earlier = [each.epoch for each in self._history.epochs if each.step <= point.step]
        return EvaluationPoint(VALIDATION, earlier[-1]) if earlier else None

    @property
    def follows(self) -> bool:
        """True if the newest evaluation is shown, also after the next one."""
        return self._chosen is None

    def travel_to(self, point: EvaluationPoint | None) -> None:
        """Show an evaluation on all screens; for the newest one or None, follow the newest."""
        self._chosen = None if point == self.newest else point

    def findings(self, point: EvaluationPoint) -> Findings:
        """Return the findings of an evaluation; raises RunError if its predictions are missing or damaged."""
        return self.inspector.findings(point, self._history)

    def predictions(self, epoch: int | None) -> Predictions:
        """Return the predictions of an epoch (None: of the final test); raises RunError if missing or damaged."""
        return self.inspector.predictions(
            EvaluationPoint(TEST) if epoch is None else EvaluationPoint(VALIDATION, epoch)
        )

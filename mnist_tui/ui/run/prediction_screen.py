"""A screen of recorded digits at a moment: travels through the epochs, and reads what was recorded in a thread."""

from textual import work
from textual.app import ComposeResult
from textual.message import Message
from textual.timer import Timer

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.events import EpochEnded
from mnist_tui.inspection.inspector import Findings
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint, Predictions
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.keymap import KEYMAP, bindings
from mnist_tui.ui.run.alert_banner import AlertBanner
from mnist_tui.ui.run.epoch_slider import EpochSlider, Slide
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.session import RunSession, RunView

PLAY_SECONDS = 0.7
"""For which an epoch stands while they are played."""
TRAVELS = frozenset(key.action.partition("(")[0] for key in KEYMAP["travel"])


class PredictionScreen(RunScreen):
    """`ask_for_predictions` starts reading the session's moment; `take_predictions` is called when that is done.

    The moment is the session's: whoever travels here has travelled on every screen.
    """

    BINDINGS = bindings("travel")

    class Loaded(Message):
        """A moment's digits were read, or could not be."""

        def __init__(self, point: EvaluationPoint, outcome: Findings | str) -> None:
            super().__init__()
            self.point = point
            self.outcome = outcome

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self.asked: EvaluationPoint | None = None
        """What was last asked for."""
        self._asked_for: EpochEnded | None = None
        """Its event: after a roll back, another one of the same number comes."""
        self.findings: Findings | None = None
        """What was read last; None before that, and when it could not be read."""
        self.problem = ""
        """Why there are none, in a sentence."""
        self._failed: set[EvaluationPoint] = set()
        self._player: Timer | None = None
        self._several = False

    @property
    def predictions(self) -> Predictions | None:
        """What the network answered, of what was read last."""
        return self.findings.predictions if self.findings is not None else None

    def compose(self) -> ComposeResult:
        for widget in super().compose():
            yield widget
            if isinstance(widget, AlertBanner):
                yield EpochSlider()

    def on_mount(self) -> None:
        """Words that carry colours of their own are said again when the theme changes."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.catch_up())

    def on_screen_resume(self) -> None:
        """Verdicts may be others, and files mended: read again."""
        self.asked = None

    def on_screen_suspend(self) -> None:
        """Nothing plays behind another screen."""
        self.stop_playing()

    def update_view(self, view: RunView) -> None:
        """Take in a new moment of the run."""
        self._several = len(self.travel_points()) > 1
        super().update_view(view)
        if self.has_widgets:
            self.query_one(EpochSlider).show(self._slide(view))

    def ask_for_predictions(self, view: RunView) -> None:
        """Read the digits of the session's moment unless that was asked for already."""
        point = self.session.point
        if point is None:
            return
        recorded = epoch_event(view, point)
        if point != self.asked or recorded is not self._asked_for:
            self.asked, self._asked_for = point, recorded
            self._load(point)

    @work(thread=True, exclusive=True, group="predictions")
    def _load(self, point: EvaluationPoint) -> None:
        outcome: Findings | str
        try:
            outcome = self.session.findings(point)
        except (RunError, AnalysisError) as error:
            outcome = str(error)
        self.post_message(self.Loaded(point, outcome))

    def on_prediction_screen_loaded(self, event: Loaded) -> None:
        """Keep what was read, unless something else has been asked for since."""
        if event.point != self.asked:
            return
        if isinstance(event.outcome, str):
            self.findings, self.problem = None, event.outcome
            self._failed.add(event.point)
        else:
            self.findings, self.problem = event.outcome, ""
            self._failed.discard(event.point)
        self.take_predictions()
        self.query_one(EpochSlider).show(self._slide(self.session.view))

    def take_predictions(self) -> None:
        """Show `findings`, or `problem`."""
        raise NotImplementedError

    def class_names(self, view: RunView, count: int) -> tuple[str, ...]:
        """Names of the run's `count` classes; numbers where it has not said."""
        started = view.history.started
        names = started.class_names if started else ()
        return tuple(map(sanitize, names)) if len(names) == count else tuple(str(each) for each in range(count))

    def travel_points(self) -> list[EvaluationPoint]:
        """Where one can travel to from here, in the order of time."""
        return self.session.points()

    def travel_to(self, point: EvaluationPoint | None) -> None:
        """Look at a moment, here and on all screens; None: at the newest epoch, and at each that follows."""
        self.session.travel_to(point)
        self.catch_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One moment is no time to travel in."""
        if action in TRAVELS:
            if action in ("play", "stop_playing"):
                return self._several and (self._player is None) == (action == "play")
            return self._several and (action == "travel" or parameters == (-1,) or not self.session.follows)
        return super().check_action(action, parameters)

    def action_travel(self, step: int) -> None:
        """To the moment before (-1) or after (1)."""
        self.stop_playing()
        self._step(step)

    def action_travel_far(self, direction: int) -> None:
        """To the first moment, or to the newest epoch and each that follows."""
        self.stop_playing()
        points = self.travel_points()
        self.travel_to(points[0] if direction < 0 and points else None)

    def action_play(self) -> None:
        """Show one epoch after the other, up to the newest; from there, from the first on."""
        epochs = [point for point in self.travel_points() if point.epoch is not None]
        if not epochs:
            return
        self._player = self.set_interval(PLAY_SECONDS, self._play_on)
        if self.session.point not in epochs[:-1]:
            self.travel_to(epochs[0])
        else:
            self.catch_up()

    def action_stop_playing(self) -> None:
        """Stay here."""
        self.stop_playing()
        self.catch_up()

    def stop_playing(self) -> None:
        """End the animation, if there is one."""
        if self._player is not None:
            self._player.stop()
            self._player = None

    def on_epoch_slider_chosen(self, event: EpochSlider.Chosen) -> None:
        """A click on a tick."""
        self.stop_playing()
        self.travel_to(event.point)

    def on_epoch_slider_stepped(self, event: EpochSlider.Stepped) -> None:
        """A click on an arrow."""
        self.action_travel(event.step)

    def _play_on(self) -> None:
        epochs = [point for point in self.travel_points() if point.epoch is not None]
        if self.session.point in epochs[-2:]:
            self.stop_playing()
        if self.session.point not in epochs[-1:]:
            self._step(1)

    def _step(self, step: int) -> None:
        points, point = self.travel_points(), self.session.point
        if point in points:
            place = min(max(0, points.index(point) + step), len(points) - 1)
            if points[place] != point:
                self.travel_to(points[place])

    def _slide(self, view: RunView) -> Slide | None:
        points, place = self.travel_points(), self.session.point
        if place is None or not points:
            return None
        best = view.history.best_epoch
        missing = {EvaluationPoint(VALIDATION, epoch) for epoch in self.session.inspector.missing_epochs}
        return Slide(
            points=tuple(points),
            place=place,
            planned=view.progress.epochs,
            best=EvaluationPoint(VALIDATION, best.epoch) if best is not None else None,
            unavailable=frozenset(missing | self._failed),
            follows=self.session.follows,
            live=view.status.is_live,
            playing=self._player is not None,
        )


def epoch_event(view: RunView, point: EvaluationPoint) -> EpochEnded | None:
    """The event that a moment's epoch ended with; None for other moments."""
    if point.epoch is None:
        return None
    return next((each for each in reversed(view.history.epochs) if each.epoch == point.epoch), None)

"""The base of screens about one evaluation: moves through the epochs, and loads predictions in a thread."""

from textual import work
from textual.app import ComposeResult
from textual.message import Message
from textual.timer import Timer

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.events import EpochEnded, RollingEvaluated
from mnist_tui.inspection.inspector import Findings
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint, Predictions
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.keymap import KEYMAP, bindings
from mnist_tui.ui.run.alert_banner import AlertBanner
from mnist_tui.ui.run.epoch_slider import EpochSlider, Slide
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.terminal.back_pressure import is_behind

TRAVELS = frozenset(key.action.partition("(")[0] for key in KEYMAP["travel"])


class PredictionScreen(RunScreen):
    """Loads the session's evaluation: `ask_for_predictions` starts that, `take_predictions` is called at its end.

    All screens show the same evaluation, which the session holds.
    """

    BINDINGS = bindings("travel")
    SHOWS_ROLLING = True
    """False for a screen that shows full evaluations only: in place of a rolling one, the epoch before it."""
    PLAY_SECONDS = 0.7
    """Seconds per evaluation while they are played."""
    LONGEST_PLAY = 30.0
    """Seconds for all evaluations; if there are many, each is shown for a shorter time."""

    class Loaded(Message):
        """Predictions were loaded, or could not be."""

        def __init__(self, point: EvaluationPoint, outcome: Findings | str) -> None:
            super().__init__()
            self.point = point
            self.outcome = outcome

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self.asked: EvaluationPoint | None = None
        """The evaluation that was last requested."""
        self._asked_for: EpochEnded | RollingEvaluated | None = None
        """Event of that evaluation. After a rollback, another event has the same epoch or step."""
        self.findings: Findings | None = None
        """The findings loaded last; None before, and after an error."""
        self.problem = ""
        """Error of the last load; empty without one."""
        self._failed: set[EvaluationPoint] = set()
        self._player: Timer | None = None
        self._several = False

    @property
    def point(self) -> EvaluationPoint | None:
        """The evaluation that the screen shows, or whose weights it shows; None before the first."""
        return self._evaluation

    @property
    def _evaluation(self) -> EvaluationPoint | None:
        return self.session.point if self.SHOWS_ROLLING else self.session.full_point

    @property
    def follows(self) -> bool:
        """True if the newest evaluation is shown, also after the next one."""
        return self.session.follows

    @property
    def is_playing(self) -> bool:
        """True while the evaluations are played."""
        return self._player is not None

    @property
    def predictions(self) -> Predictions | None:
        """The predictions loaded last."""
        return self.findings.predictions if self.findings is not None else None

    def compose(self) -> ComposeResult:
        for widget in super().compose():
            yield widget
            if isinstance(widget, AlertBanner):
                yield EpochSlider()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.catch_up())

    def on_screen_resume(self) -> None:
        self.asked = None

    def on_screen_suspend(self) -> None:
        self.stop_playing()

    def update_view(self, view: RunView) -> None:
        """Show a view of the run."""
        self._several = len({*self.travel_points(), self.point} - {None}) > 1
        super().update_view(view)
        if self.has_widgets:
            self.query_one(EpochSlider).show(self._slide(view))

    def ask_for_predictions(self, view: RunView) -> None:
        """Load the evaluation that the screen shows, unless it was requested already."""
        point = self._evaluation
        if point is None:
            return
        if point.step is not None and self.follows and self.findings is not None and is_behind(self.app):
            return  # the next rolling evaluation waits until the terminal has painted the last one
        recorded = validation_event(view, point)
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
        if event.point != self.asked:
            return
        if isinstance(event.outcome, str):
            if event.point.step is not None and self.follows and self.findings is not None:
                return  # a newer one has replaced it, and comes soon
            self.findings, self.problem = None, event.outcome
            self._failed.add(event.point)
        else:
            self.findings, self.problem = event.outcome, ""
            self._failed.discard(event.point)
        self.take_predictions()
        self.query_one(EpochSlider).show(self._slide(self.session.view))

    def take_predictions(self) -> None:
        """Show `findings` or `problem`."""
        raise NotImplementedError

    def class_names(self, view: RunView, count: int) -> tuple[str, ...]:
        """Return the names of the run's `count` classes; numbers before they are known."""
        started = view.history.started
        names = started.class_names if started else ()
        return tuple(map(sanitize, names)) if len(names) == count else tuple(str(each) for each in range(count))

    def travel_points(self) -> list[EvaluationPoint]:
        """Return the evaluations that this screen can show, in the order of time."""
        return [point for point in self.session.points() if self.SHOWS_ROLLING or point.step is None]

    def travel_to(self, point: EvaluationPoint | None) -> None:
        """Show an evaluation on all screens; for the newest one of this screen or None, follow the newest."""
        is_newest = not self.SHOWS_ROLLING and point in self._validations[-1:]
        self.session.travel_to(None if is_newest else point)
        self.catch_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in TRAVELS:
            if action in ("play", "stop_playing"):
                return self._several and self.is_playing == (action == "stop_playing")
            return self._several and (action == "travel" or parameters == (-1,) or not self.follows)
        return super().check_action(action, parameters)

    def action_travel(self, step: int) -> None:
        """Go to the previous (-1) or next (1) evaluation."""
        self.stop_playing()
        self._step(step)

    def action_travel_far(self, direction: int) -> None:
        """Go to the first evaluation, or follow the newest."""
        self.stop_playing()
        points = self.travel_points()
        self.travel_to(points[0] if direction < 0 and points else None)

    def action_play(self) -> None:
        """Play the evaluations of the validation images up to the newest; from the newest, start with the first."""
        points = self._validations
        if not points:
            return
        self._player = self.set_interval(min(self.PLAY_SECONDS, self.LONGEST_PLAY / len(points)), self._play_on)
        if self.point not in points[:-1]:
            self.travel_to(points[0])
        else:
            self.catch_up()

    def action_stop_playing(self) -> None:
        """Stop at this evaluation."""
        self.stop_playing()
        self.catch_up()

    def stop_playing(self) -> None:
        """Stop the animation, if it runs."""
        if self._player is not None:
            self._player.stop()
            self._player = None

    def on_epoch_slider_chosen(self, event: EpochSlider.Chosen) -> None:
        self.stop_playing()
        self.travel_to(event.point)

    def on_epoch_slider_stepped(self, event: EpochSlider.Stepped) -> None:
        self.action_travel(event.step)

    def _play_on(self) -> None:
        points = self._validations
        if self.point in points[-2:]:
            self.stop_playing()
        if self.point not in points[-1:]:
            self._step(1)

    @property
    def _validations(self) -> list[EvaluationPoint]:
        return [point for point in self.travel_points() if point.split == VALIDATION]

    def _step(self, step: int) -> None:
        points, point = self.travel_points(), self.point
        if point is None or not points:
            return
        place = points.index(point) if point in points else len(points)  # the newest, which could not be saved
        place = min(max(0, place + step), len(points) - 1)
        if points[place] != point:
            self.travel_to(points[place])

    def _slide(self, view: RunView) -> Slide | None:
        points, place = self.travel_points(), self.point
        if place is None or not points:
            return None
        best = view.history.best_epoch
        missing = {EvaluationPoint(VALIDATION, epoch) for epoch in self.session.inspector.missing_epochs}
        return Slide(
            points=tuple(points),
            place=place,
            planned=view.progress.epochs,
            steps_per_epoch=view.history.started.steps_per_epoch if view.history.started is not None else 0,
            best=EvaluationPoint(VALIDATION, best.epoch) if best is not None else None,
            unavailable=frozenset(missing | self._failed),
            follows=self.follows,
            live=view.status.is_live,
            playing=self.is_playing,
        )


def validation_event(view: RunView, point: EvaluationPoint) -> EpochEnded | RollingEvaluated | None:
    """Return the event of an epoch's evaluation or of a rolling one; None for other evaluations."""
    history = view.history
    if point.step is not None:
        return next((each for each in reversed(history.rolling) if each.step == point.step), None)
    return next((each for each in reversed(history.epochs) if each.epoch == point.epoch), None)

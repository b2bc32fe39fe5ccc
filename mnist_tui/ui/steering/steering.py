"""Steering the opened run: what works now, the keys' actions, and how requests go out without anybody waiting."""

from collections.abc import Callable
from typing import Any, Literal

from textual.app import App

from mnist_tui.control.client import ask, who
from mnist_tui.control.protocol import (
    AnyRequest,
    Continue,
    Pause,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    Step,
    Stop,
)
from mnist_tui.events import Phase
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.status import Status
from mnist_tui.settings import SETTINGS_BY_KEY
from mnist_tui.ui.keymap import KEYMAP, SHARED, steering_keys
from mnist_tui.ui.messages import ResumeRun
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.sized_screen import SizedScreen
from mnist_tui.ui.steering.confirmations import DivergedScreen, KillScreen, RollBackScreen, awaited
from mnist_tui.ui.steering.early_stopping import EarlyStoppingScreen
from mnist_tui.ui.steering.learning_rate import LearningRateScreen

ACTIONS = frozenset(key.action for key in KEYMAP["steering"])
STOPS = "Ends after this batch; then it is validated, tested and saved."


def tell(app: App[Any], sentence: str, severity: Literal["information", "error"] = "information") -> None:
    """Show a notification; from any thread. An error stays longer."""
    app.notify(sanitize(sentence), severity=severity, markup=False, timeout=10 if severity == "error" else 3)


def send(
    app: App[Any], run: RunDirectory, request: AnyRequest, told: str = "", refused: Callable[[], None] | None = None
) -> None:
    """Ask the engine, in a thread; `told` is said when it agrees, its own sentence when it does not."""

    def work() -> None:
        try:
            ask(run, request)
        except RunError as error:
            if refused is not None:
                refused()
            tell(app, str(error), "error")
        else:
            if told:
                tell(app, told)

    app.run_worker(work, thread=True, group="ask")


OF_ONE_NETWORK = frozenset({"more_epochs", "fewer_epochs", "early_stopping"})
"""Actions that an ensemble refuses, all of whose networks train for the same epochs."""


def steerable(view: RunView) -> frozenset[str]:
    """Which actions of the keymap's "steering" group work now."""
    actions = _of_any_run(view)
    return actions if view.history.member_epochs is None else actions - OF_ONE_NETWORK


def _of_any_run(view: RunView) -> frozenset[str]:
    history, status = view.history, view.status
    if status.is_live:
        if history.phase is Phase.TESTING:
            return frozenset({"kill"})
        actions = {"roll_back", "learning_rate", "early_stopping", "more_epochs", "checkpoint", "kill"}
        if not history.stopping:
            actions.add("stop")
        if history.epochs_planned > view.progress.epoch:
            actions.add("fewer_epochs")
        if awaited(view) is None:
            actions |= {"step", "go_on" if history.paused else "pause"}
        return frozenset(actions)
    actions = {"resume"} if status.is_resumable else set()
    if status in (Status.FINISHED, Status.STOPPED) and history.started is not None:
        actions.add("more_epochs")
    return frozenset(actions)


def epochs_and_one(view: RunView) -> int:
    """One epoch more than are done; what is left of one under way counts as one."""
    started = view.history.started
    return view.progress.step // started.steps_per_epoch + 1 if started is not None else 1


class SteeredScreen(SizedScreen):
    """A screen from which the opened run is steered; the app handles its `ResumeRun`."""

    KEY_GROUPS: tuple[str, ...] = SHARED
    """Groups of the keymap that the help page lists; a screen's own keys go before those that steer."""

    def __init__(self, session: RunSession) -> None:
        super().__init__()
        self.session = session
        self._keyed = {key.action for key in steering_keys(self.KEY_GROUPS)}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers only what works now."""
        if action in ACTIONS:
            return action in self._keyed and action in steerable(self.session.view)
        return super().check_action(action, parameters)

    def ask_to_decide(self, view: RunView, again: bool = False) -> None:
        """Ask what to do about an alert for which the training stands still: once, or `again`."""
        alert = awaited(view)
        if alert is not None and (again or alert is not self.session.asked_about) and self.is_current:
            self.session.asked_about = alert
            self.app.push_screen(DivergedScreen(alert), self._decide)

    def _decide(self, choice: str | None) -> None:
        if choice == "roll_back":
            self._roll_back(choice)
        elif choice == "go_on":
            self._send(Continue(by=who("screen")))
        elif choice == "stop":
            self.action_stop()

    def _send(self, request: AnyRequest, told: str = "") -> None:
        send(self.app, self.session.run, request, told)

    def action_pause(self) -> None:
        """Stand still after this batch."""
        self._send(Pause(by=who("screen")))

    def action_go_on(self) -> None:
        """Train on after a pause."""
        self._send(Continue(by=who("screen")))

    def action_step(self) -> None:
        """One batch, then a pause."""
        self._send(Step(by=who("screen")))

    def action_stop(self) -> None:
        """End the run after this batch."""
        self._send(Stop(by=who("screen")), STOPS)

    def action_checkpoint(self) -> None:
        """Save one after this batch."""
        self._send(SaveCheckpoint(by=who("screen")), "Saves a checkpoint after this batch.")

    def action_more_epochs(self) -> None:
        """Plan one more; after the end, train on."""
        view = self.session.view
        if view.status.is_live:
            self._send(SetEpochs(by=who("screen"), change=1))
        else:
            self.post_message(ResumeRun(self.session.run, epochs_and_one(view)))

    def action_fewer_epochs(self) -> None:
        """Plan one fewer."""
        self._send(SetEpochs(by=who("screen"), change=-1))

    def action_resume(self) -> None:
        """Go on as planned; an engine that waits after its own test needs something to train on."""
        view = self.session.view
        waits = view.has_engine and view.status is Status.STOPPED
        epochs = max(view.history.epochs_planned, epochs_and_one(view)) if waits else None
        self.post_message(ResumeRun(self.session.run, epochs))

    def action_kill(self) -> None:
        """End the engine at once, if that is meant."""
        self.app.push_screen(KillScreen(self.session.view), self._kill)

    def _kill(self, choice: str | None) -> None:
        if choice == "kill":
            self._send(Stop(by=who("screen"), now=True), "The engine ends now.")

    def action_roll_back(self) -> None:
        """To the newest checkpoint, if that is meant; or decide what waits for a decision."""
        if awaited(self.session.view) is not None:
            self.ask_to_decide(self.session.view, again=True)
        else:
            self.app.push_screen(RollBackScreen(self.session.view), self._roll_back)

    def _roll_back(self, choice: str | None) -> None:
        if choice == "roll_back":
            self._send(RollBack(by=who("screen")), "Goes back to the newest checkpoint after this batch.")

    def action_learning_rate(self) -> None:
        """Look at it and change it."""
        self.app.push_screen(LearningRateScreen(self.session.view), self._set_learning_rate)

    def _set_learning_rate(self, value: float | None) -> None:
        if value is not None:
            self._send(
                SetLearningRate(by=who("screen"), value=value), f"{SETTINGS_BY_KEY['learning_rate'].label}: {value:g}"
            )

    def action_early_stopping(self) -> None:
        """Look at the rule and change it."""
        self.app.push_screen(EarlyStoppingScreen(self.session.view), self._set_early_stopping)

    def _set_early_stopping(self, rule: str | None) -> None:
        if rule is not None:
            self._send(SetEarlyStopping(by=who("screen"), rule=rule), f"early stopping: {rule}")

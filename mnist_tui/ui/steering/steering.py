"""Steering of the opened run from its screens: which keys work now, and what they send to the engine."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from textual.app import App

from mnist_tui.control.client import origin, send
from mnist_tui.control.commands import Fields, command_keys
from mnist_tui.events import Phase
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.status import Status
from mnist_tui.ui.messages import ResumeRun
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.dialog import Dialog
from mnist_tui.ui.shared.sized_screen import SizedScreen
from mnist_tui.ui.steering.choices import DivergedScreen, KillScreen, RollBackScreen, alert_awaiting_decision
from mnist_tui.ui.steering.early_stopping import EarlyStoppingScreen
from mnist_tui.ui.steering.learning_rate import LearningRateScreen

RESUME = "resume"
"""Name of the only key in the keymap's "steering" group that starts an engine instead of sending a request."""
SINGLE_MODEL_KEYS = frozenset({"add_epoch", "remove_epoch", "early_stopping"})
"""Keys that an ensemble rejects, because all its models train for the same epochs."""
VISIBLE_KEYS = frozenset({"pause", "continue", "step", "add_epoch", "remove_epoch"})
"""Keys that need no notification, because the screen shows their effect."""
DIALOGS: dict[str, Callable[[RunView], Dialog[Any]]] = {
    "kill": KillScreen,
    "rollback": RollBackScreen,
    "learning_rate": LearningRateScreen,
    "early_stopping": EarlyStoppingScreen,
}
"""Dialogs that open before the key's request is sent. They return its fields, or their choice."""


def notify(app: App[Any], sentence: str, severity: Literal["information", "error"] = "information") -> None:
    """Show a notification, from any thread. An error stays longer."""
    app.notify(sanitize(sentence), severity=severity, markup=False, timeout=10 if severity == "error" else 3)


def send_command(
    app: App[Any],
    run: RunDirectory,
    name: str,
    fields: Fields | None = None,
    on_error: Callable[[], None] | None = None,
) -> None:
    """Send the request of a steering key in a thread, and notify about the reply."""
    command, key = command_keys()[name]
    request = command.request(by=origin("screen"), **{**key.fields, **(fields or {})})

    def work() -> None:
        try:
            send(run, request)
        except RunError as error:
            if on_error is not None:
                on_error()
            notify(app, str(error), "error")
        else:
            if name not in VISIBLE_KEYS:
                confirmation = command.confirm(request)
                notify(app, f"{confirmation[0].upper()}{confirmation[1:]}.")

    app.run_worker(work, thread=True, group="send")


def available_keys(view: RunView) -> frozenset[str]:
    """Return the names of the steering keys that work now."""
    history, status = view.history, view.status
    if not status.is_live:
        names = {RESUME} if status.is_resumable else set()
        if status in (Status.FINISHED, Status.STOPPED) and history.started is not None:
            names.add("add_epoch")
    elif history.phase is Phase.TESTING:
        names = {"kill"}
    else:
        names = set(command_keys()) - {"pause" if history.paused else "continue"}
        if history.stopping:
            names.remove("stop")
        if history.epochs_planned <= view.progress.epoch:
            names.remove("remove_epoch")
        if alert_awaiting_decision(view) is not None:
            names -= {"pause", "continue", "step"}
    return frozenset(names - SINGLE_MODEL_KEYS if history.member_epochs is not None else names)


def least_epochs(view: RunView) -> int:
    """Return the fewest epochs that leave something to train."""
    started = view.history.started
    return view.progress.step // started.steps_per_epoch + 1 if started is not None else 1


class SteeredScreen(SizedScreen):
    """A screen from which the opened run is steered; the app handles its `ResumeRun`."""

    KEY_GROUPS: tuple[str, ...] = ()
    """Groups of the keymap that the help screen lists."""

    def __init__(self, session: RunSession) -> None:
        super().__init__()
        self.session = session

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return True if an action works now."""
        if action == "steer":
            return parameters[0] in available_keys(self.session.view)
        return super().check_action(action, parameters)

    def action_steer(self, name: str) -> None:
        """Send the request of a steering key, after its dialog if it has one."""
        view = self.session.view
        if name in (RESUME, "add_epoch") and not view.status.is_live:
            self._resume(view, add_epoch=name != RESUME)
        elif name == "rollback" and alert_awaiting_decision(view) is not None:
            self.ask_for_decision(view, again=True)
        elif name in DIALOGS:
            self.app.push_screen(DIALOGS[name](view), partial(self._send_chosen, name))
        else:
            send_command(self.app, self.session.run, name)

    def _send_chosen(self, name: str, result: Fields | str | None) -> None:
        if result not in (None, "cancel"):
            send_command(self.app, self.session.run, name, result if isinstance(result, dict) else None)

    def _resume(self, view: RunView, *, add_epoch: bool) -> None:
        # An engine that waits after a stop has already tested, so that it needs something to train.
        epochs = None
        if add_epoch:
            epochs = least_epochs(view)
        elif view.has_engine and view.status is Status.STOPPED:
            epochs = max(view.history.epochs_planned, least_epochs(view))
        self.post_message(ResumeRun(self.session.run, view.history, epochs, adds_epoch=add_epoch))

    def ask_for_decision(self, view: RunView, again: bool = False) -> None:
        """Open the dialog about an alert that awaits a decision: once, or `again`."""
        alert = alert_awaiting_decision(view)
        if alert is not None and (again or alert is not self.session.asked_about) and self.is_current:
            self.session.asked_about = alert
            self.app.push_screen(DivergedScreen(alert), self._decide)

    def _decide(self, choice: str | None) -> None:
        if choice not in (None, "cancel"):
            send_command(self.app, self.session.run, choice)

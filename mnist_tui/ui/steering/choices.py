"""Dialogs with a few choices: confirm what cannot be undone, decide about a diverged loss, leave a live run."""

from mnist_tui.control.resume import outcome
from mnist_tui.events import AlertRaised
from mnist_tui.render.text import duration, sanitize
from mnist_tui.runs.history import History
from mnist_tui.runs.status import Status
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.dialog import ChoiceDialog


class KillScreen(ChoiceDialog):
    """Confirmation before the engine exits. Returns "kill" or "cancel"."""

    BINDINGS = bindings("kill")
    TITLE_WORDS = "Kill the engine"
    IS_ALARMING = True
    CHOICES = (
        ("kill", "", "Kill", "exit at once; nothing more is evaluated, tested or saved"),  # no key: k moves up
        ("cancel", "Esc", "Cancel", "keep training"),
    )
    FIRST = 1

    def __init__(self, view: RunView) -> None:
        name = sanitize(view.history.record.name)
        super().__init__(f"Kill {name}? Its steps since the newest checkpoint are lost. You can resume it later.")


class RollBackScreen(ChoiceDialog):
    """Confirmation before steps are dropped. Returns "rollback" or "cancel"."""

    BINDINGS = bindings("rollback")
    TITLE_WORDS = "Roll back"
    CHOICES = (
        ("rollback", "b", "Roll back", "train on from the newest checkpoint"),
        ("cancel", "Esc", "Cancel", "keep training"),
    )
    FIRST = 1

    def __init__(self, view: RunView) -> None:
        rate = view.history.max_learning_rate
        super().__init__(
            "Return to the newest checkpoint, and train on with half the maximum learning rate:"
            f" {rate / 2:.4g} instead of {rate:.4g}? The steps after that checkpoint are dropped."
        )


class ResumeScreen(ChoiceDialog):
    """Confirmation before an ended run trains on. Returns "train" or "cancel"."""

    BINDINGS = bindings("resume")
    TITLE_WORDS = "Resume"
    QUESTION = "Resume"
    CHOICES = (
        ("train", "r", "Resume", "train, then test"),
        ("cancel", "Esc", "Cancel", "keep the run"),
    )
    FIRST = 1

    def __init__(self, history: History, epochs: int | None) -> None:
        super().__init__(f"{self.QUESTION} {sanitize(history.record.name)}? {outcome(history, epochs)}")


class AddEpochScreen(ResumeScreen):
    """Confirmation before a finished or stopped run trains another epoch."""

    BINDINGS = bindings("add_epoch")
    TITLE_WORDS = "Add epoch"
    QUESTION = "Add an epoch to"
    CHOICES = (
        ("train", "+", "Add epoch", "train, then test"),
        ("cancel", "Esc", "Cancel", "keep the run"),
    )


class DivergedScreen(ChoiceDialog):
    """Decision about a loss that is not finite. Returns "rollback", "continue", "stop" or "cancel".

    It closes if another viewer decides.
    """

    BINDINGS = bindings("diverged")
    TITLE_WORDS = "The run is paused"
    IS_ALARMING = True
    CHOICES = (
        ("rollback", "b", "Roll back", "to the last checkpoint, with half the learning rate"),
        ("continue", "p", "Continue", "despite the alert"),
        ("stop", "s", "Stop", "the best epoch is tested and saved"),
    )

    def __init__(self, alert: AlertRaised) -> None:
        super().__init__(f"{sanitize(alert.text)}\n\nHow to proceed? Esc: decide later with b.")
        self._alert = alert

    def update_view(self, view: RunView) -> None:
        if alert_awaiting_decision(view) is not self._alert:
            self.dismiss("cancel")


class LeaveScreen(ChoiceDialog):
    """Choice on quitting while the run is live. Returns "stop", "leave" or "cancel"."""

    BINDINGS = bindings("leave")
    TITLE_WORDS = "Quit"
    CHOICES = (
        ("stop", "s", "Stop", "stop after this batch, then evaluate, test and save"),
        ("leave", "q", "Quit", "leave it running; return with `mnist-tui attach`"),
        ("cancel", "Esc", "Cancel", "stay here"),
    )

    def __init__(self, view: RunView) -> None:
        name = sanitize(view.history.record.name)
        if view.status is Status.PAUSED:
            super().__init__(f"{name} is paused, and stays paused until it is continued.")
        else:
            seconds = view.progress.seconds_left
            left = "" if seconds is None else f", {duration(seconds)} left"
            super().__init__(f"{name} is still training{left}.")


def alert_awaiting_decision(view: RunView) -> AlertRaised | None:
    """Return the alert that awaits a decision now."""
    alert = view.history.alert
    return alert if alert is not None and alert.awaits_decision and view.history.paused and view.has_engine else None

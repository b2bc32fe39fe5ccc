"""Questions before what cannot be undone, and the one that a diverged loss asks."""

from mnist_tui.events import AlertRaised
from mnist_tui.render.text import sanitize
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.dialog import ChoiceDialog


class KillScreen(ChoiceDialog):
    """Returns "kill" or "cancel"."""

    BINDINGS = bindings("kill")
    TITLE_WORDS = "Kill the engine"
    IS_ALARMING = True
    CHOICES = (
        ("kill", "k", "Kill it", "at once; nothing more is evaluated, tested or saved"),
        ("cancel", "c", "Cancel", "let it go on"),
    )
    FIRST = 1

    def __init__(self, view: RunView) -> None:
        name = sanitize(view.history.record.name)
        super().__init__(f"End {name} at once? What it trained since its newest checkpoint is lost; it can be resumed.")


class RollBackScreen(ChoiceDialog):
    """Returns "roll_back" or "cancel"."""

    BINDINGS = bindings("roll_back")
    TITLE_WORDS = "Roll back"
    CHOICES = (
        ("roll_back", "b", "Roll back", "and train on from there"),
        ("cancel", "c", "Cancel", "let it go on"),
    )
    FIRST = 1

    def __init__(self, view: RunView) -> None:
        max_learning_rate = view.history.max_learning_rate
        super().__init__(
            "Back to the newest checkpoint, and on from there with half the learning rate:"
            f" {max_learning_rate / 2:.4g} at its peak instead of {max_learning_rate:.4g}?"
            " The steps after that checkpoint are dropped."
        )


class DivergedScreen(ChoiceDialog):
    """Returns "roll_back", "go_on", "stop" or "cancel"; closes when somebody else has decided."""

    BINDINGS = bindings("diverged")
    TITLE_WORDS = "The training stands still"
    IS_ALARMING = True
    CHOICES = (
        ("roll_back", "b", "Roll back", "to the last checkpoint, with half the learning rate"),
        ("go_on", "g", "Go on", "as if nothing had happened"),
        ("stop", "s", "Stop", "end the run; its best epoch is tested and saved"),
    )

    def __init__(self, alert: AlertRaised) -> None:
        super().__init__(f"{sanitize(alert.text)}\n\nWhat now? Esc: later, b asks again.")
        self._alert = alert

    def update_view(self, view: RunView) -> None:
        """Close when there is nothing to decide any more."""
        if awaited(view) is not self._alert:
            self.dismiss("cancel")


def awaited(view: RunView) -> AlertRaised | None:
    """The alert that waits for somebody's decision now."""
    alert = view.history.alert
    return alert if alert is not None and alert.awaits_decision and view.history.paused and view.has_engine else None

"""The question on leaving while a run goes on: stop and save, leave it running, or stay."""

from mnist_tui.render.text import duration, sanitize
from mnist_tui.runs.status import Status
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.dialog import ChoiceDialog


class LeaveScreen(ChoiceDialog):
    """Returns "stop", "leave" or "cancel"."""

    BINDINGS = bindings("leave")
    TITLE_WORDS = "Leave"
    CHOICES = (
        ("stop", "s", "Stop and save", "end after this batch; evaluated, tested, saved"),
        ("leave", "l", "Leave it running", "back to the shell; `mnist-tui attach` comes back"),
        ("cancel", "c", "Cancel", "stay here"),
    )

    def __init__(self, view: RunView) -> None:
        name = sanitize(view.history.record.name)
        if view.status is Status.PAUSED:
            super().__init__(f"{name} is paused, and stays so until somebody goes on with it.")
        else:
            super().__init__(f"{name} is still training, {duration(view.progress.seconds_left)} left.")

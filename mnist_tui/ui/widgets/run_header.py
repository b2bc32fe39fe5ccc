"""The line on top: which run, on what, in which state, how long still."""

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.render.text import clip_parts, duration
from mnist_tui.runs.summary import Status
from mnist_tui.ui.session import RunView

STATES: dict[Status, tuple[str, str]] = {
    Status.STARTING: ("◌ starting", "warning"),
    Status.TRAINING: ("▶ training", "success"),
    Status.PAUSED: ("‖ paused", "warning"),
    Status.FINISHED: ("✔ finished", "success"),
    Status.STOPPED: ("■ stopped", "warning"),
    Status.CRASHED: ("✖ crashed", "error"),
    Status.FAILED: ("✖ failed", "error"),
}


class RunHeader(Widget):
    """One line; repaints only when its words change."""

    DEFAULT_CSS = """
    RunHeader { height: 1; dock: top; background: $panel; color: $foreground; padding: 0 1; }
    """

    words: reactive[tuple[str, str, Status, str]] = reactive(("", "", Status.STARTING, ""))
    """Run name, subject, status, time left."""

    def update_view(self, view: RunView, subject: str) -> None:
        """Take in a new moment of the run; `subject` is what the screen is about."""
        progress = view.progress
        if view.status is Status.TRAINING and progress.phase is not None:
            left = f"{progress.phase}  {duration(progress.seconds_left)} left"
        elif view.status.is_live:
            left = f"{progress.phase or 'engine'} {duration(progress.phase_seconds)}"
        else:
            left = ""
        self.words = (view.history.record.name, subject, view.status, left)

    def render(self) -> RenderResult:
        name, subject, status, left = self.words
        words, colour = STATES[status]
        if status is Status.TRAINING and left:
            words = "▶ " + left
            left = ""
        variables = self.app.theme_variables
        right = Text.assemble((words, f"bold {variables.get(colour, '')}".strip()), ("  " + left if left else "", ""))
        start = Text.assemble((" mnist-tui ", f"bold {variables.get('primary', '')}"), "  ", (name, "bold"), "  ")
        room = self.size.width - start.cell_len - right.cell_len - 2
        middle = Text(clip_parts(subject, max(0, room)), style=variables.get("quiet", ""))
        middle.pad_right(max(0, room - middle.cell_len) + 2)
        line = start + middle + right
        line.truncate(self.size.width)
        line.no_wrap = True
        return line

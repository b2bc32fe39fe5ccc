"""The header line: run, subject, state and time left."""

from rich.text import Text

from mnist_tui.events import START_UP
from mnist_tui.render.text import clip_parts, duration, sanitize
from mnist_tui.runs.liveness import clock
from mnist_tui.runs.status import Status
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.line_widget import LineWidget

STATES: dict[Status, tuple[str, str]] = {
    Status.STARTING: ("◌ starting", "warning"),
    Status.TRAINING: ("▶ training", "success"),
    Status.PAUSED: ("‖ paused", "warning"),
    Status.UNRESPONSIVE: ("✖ not responding", "error"),
    Status.FINISHED: ("✔ finished", "success"),
    Status.STOPPED: ("■ stopped", "warning"),
    Status.CRASHED: ("✖ crashed", "error"),
    Status.FAILED: ("✖ failed", "error"),
}

NOT_SAVED = "⚠ not saved"
"""Shown while the engine cannot save something; the banner has the details."""


class RunHeader(LineWidget):
    """One line."""

    DEFAULT_CSS = """
    RunHeader { height: 1; dock: top; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._subject = ""

    def update_view(self, view: RunView, subject: str) -> None:
        """Show a view; `subject` is the screen's subject."""
        self._view, self._subject = view, subject
        self.redraw()

    def draw(self) -> list[Text]:
        if self._view is None:
            return []
        variables, status = self.app.theme_variables, self._view.status
        words, colour = STATES[status]
        state, engine = state_words(self._view, words), self._view.engine
        if engine is not None and engine.is_elsewhere:
            state += f" on {sanitize(engine.endpoint.host)}"
        right = Text.assemble((state, f"bold {variables[colour]}"))
        if self._view.save_error:
            right.append(f"  {NOT_SAVED}", f"bold {variables['error']}")
        product = Text(" mnist-tui   ", style=f"bold {variables['primary']}")
        start = Text.assemble((sanitize(self._view.history.record.name), "bold"), "  ")
        if product.cell_len + start.cell_len + right.cell_len <= self.size.width:
            start = product + start
        room = max(0, self.size.width - start.cell_len - right.cell_len - 2)
        middle = Text(clip_parts(self._subject, room), style=variables["quiet"])
        middle.pad_right(room - middle.cell_len + 2)
        line = start + middle + right
        line.truncate(self.size.width)
        return [line]


def state_words(view: RunView, words: str) -> str:
    """Return the state with the time left, or with the phase and its seconds."""
    progress = view.progress
    if not view.status.is_live:
        return words
    if view.engine is not None and view.engine.silent_since is not None:
        return f"{words} since {clock(view.engine.silent_since)}"
    since = duration(progress.phase_seconds)
    if progress.phase in START_UP:  # at the run's beginning, and again when it is resumed
        return f"◌ {START_UP[progress.phase]}  {since}"
    if view.status is Status.TRAINING and progress.phase is not None:
        left = "" if progress.seconds_left is None else f"  {duration(progress.seconds_left)} left"
        return f"▶ {progress.phase}{left}"
    return f"{words} {since}"

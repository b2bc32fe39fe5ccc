"""The progress panel: bars of the epoch and the run, the speed, the time left, and the result."""

from rich.text import Text

from mnist_tui.config import Target
from mnist_tui.diagnosis.guard import ended_at_chance
from mnist_tui.render.text import clip_parts, duration, percent, sanitize, test_results, thin_bar
from mnist_tui.runs.notes import SEEN
from mnist_tui.runs.status import Status
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.line_widget import LineWidget

LABEL_WIDTH = 16
SHARED_LINE_HEIGHT = 3
"""Height up to which both bars share a line."""


class ProgressPanel(LineWidget):
    """One line for each fact, always in the same place."""

    DEFAULT_CSS = """
    ProgressPanel { border: round $frame; border-title-color: $foreground; height: 6; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None

    def show(self, view: RunView) -> None:
        """Show the run as it is now."""
        self._view = view
        self.set_title("Progress" if view.status.is_live else "Result")
        self.redraw()

    def draw(self) -> list[Text]:
        if self._view is None:
            return []
        state, variables, width = self._view.progress, self.app.theme_variables, self.size.width
        epoch = (f"epoch {state.epoch} of {state.epochs}", state.epoch_fraction)
        run = ("run, by time", state.run_fraction)
        if self.size.height <= SHARED_LINE_HEIGHT:
            lines = [self._bars([epoch, run], width, 0)]
        else:
            lines = [self._bars([each], width, LABEL_WIDTH) for each in (epoch, run)]
        result, colour = result_text(self._view)
        lines.append(Text(clip_parts(speed_text(self._view), width)))
        lines.append(Text(clip_parts(result, width), style=variables.get(colour, "")))
        return lines

    def _bars(self, shares: list[tuple[str, float]], width: int, label_width: int) -> Text:
        """Draw bars side by side, each between its label and its percentage."""
        variables, line = self.app.theme_variables, Text()
        gap = 3
        for number, (label, share) in enumerate(shares):
            label = f"{label:<{label_width}}" if label_width else f"{label} "
            room = (width - gap * (len(shares) - 1)) // len(shares) - len(label) - 6
            done, rest = thin_bar(share, max(4, room))
            line.append(" " * gap if number else "").append(label)
            line.append(done, variables["train"]).append(rest, variables["frame"]).append(f"{share:>6.0%}")
        return line


def speed_text(view: RunView) -> str:
    """Return the steps done, the speed and the time left."""
    state = view.progress
    if not state.steps:
        return f"step {state.step:,}" if state.step else "no steps yet"
    parts = [f"step {state.step:,} of {state.steps:,}"]
    if state.images_per_second > 0:
        parts.append(f"{state.images_per_second:,.0f} images/s")
    if not view.status.is_live:
        parts.append(str(view.status))
    elif state.seconds_left is not None:
        parts.append(f"{duration(state.seconds_left)} left")
    target = Target.parse(view.history.until)
    if target is not None and not view.history.is_over:
        parts.append(f"until {target}")
    return " · ".join(parts)


def result_text(view: RunView) -> tuple[str, str]:
    """Return the result of the run, and the theme variable of its colour."""
    history = view.history
    best, ended = history.best_epoch, history.ended
    if history.failed is not None:
        return f"failed: {sanitize(history.failed.error)}", "error"
    if view.status is Status.CRASHED:
        return "crashed without an error message: see engine.log", "error"
    if ended is not None and ended.test_accuracy is not None and history.started is not None:
        accuracy = f"test accuracy {percent(ended.test_accuracy)}"
        if ended_at_chance(history.alerts, ended, len(history.started.class_names)):
            return f"{accuracy}, no better than chance: start again with another learning rate", "error"
        images = f"{history.started.test_count:,} images (epoch {ended.best_epoch})"
        if len(history.tests) > 1:
            newest = f"epoch {ended.best_epoch} · {duration(ended.seconds)}"
            return f"test {test_results(history.test_accuracies)} · {SEEN} · {newest}", "success"
        return f"{accuracy} of {images} · {duration(ended.seconds)}", "success"
    if best is not None:
        return f"best validation accuracy {percent(best.validation_accuracy)}, epoch {best.epoch}", ""
    return "no validated epoch yet", "quiet"

"""How far the epoch and the whole run are, how fast, how long still; and the result when it is over."""

from rich.text import Text

from mnist_tui.render.text import clip_parts, duration, percent, sanitize, thin_bar
from mnist_tui.runs.summary import Status
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.line_widget import LineWidget

LABEL = 16
BOTH = 3
"""Lines or fewer: both bars share one."""


class ProgressPanel(LineWidget):
    """A line a fact, each in its place; nothing jumps."""

    DEFAULT_CSS = """
    ProgressPanel { border: round $frame; border-title-color: $foreground; height: 6; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None

    def show(self, view: RunView) -> None:
        """Take in a new moment of the run."""
        self._view = view
        self.set_title("Progress" if view.status.is_live else "Result")
        self.redraw()

    def draw(self) -> list[Text]:
        """Two bars, the pace, the outcome."""
        if self._view is None:
            return []
        state, variables, width = self._view.progress, self.app.theme_variables, self.size.width
        epoch = (f"epoch {state.epoch} of {state.epochs}", state.epoch_fraction)
        run = ("whole run", state.run_fraction)
        if self.size.height <= BOTH:
            lines = [self._bars([epoch, run], width, 0)]
        else:
            lines = [self._bars([each], width, LABEL) for each in (epoch, run)]
        words, colour = outcome(self._view)
        lines.append(Text(clip_parts(pace(self._view), width)))
        lines.append(Text(clip_parts(words, width), style=variables.get(colour, "")))
        return lines

    def _bars(self, shares: list[tuple[str, float]], width: int, label_width: int) -> Text:
        """Bars side by side in a line of `width` columns, each after its label and before its percentage."""
        variables, line = self.app.theme_variables, Text()
        gap = 3
        for place, (label, share) in enumerate(shares):
            label = f"{label:<{label_width}}" if label_width else f"{label} "
            room = (width - gap * (len(shares) - 1)) // len(shares) - len(label) - 6
            done, rest = thin_bar(share, max(4, room))
            line.append(" " * gap if place else "").append(label)
            line.append(done, variables["train"]).append(rest, variables["frame"]).append(f"{share:>6.0%}")
        return line


def pace(view: RunView) -> str:
    """How many steps are done, how fast, how long still."""
    state = view.progress
    if not state.steps:
        return "no step taken yet"
    speed = f" · {state.images_per_second:,.0f} images/s" if state.images_per_second > 0 else ""
    still = f"{duration(state.seconds_left)} left" if view.status.is_live else str(view.status)
    return f"step {state.step:,} of {state.steps:,}{speed} · {still}"


def outcome(view: RunView) -> tuple[str, str]:
    """The result in words, and the theme variable of its colour."""
    history = view.history
    best, ended = history.best_epoch, history.ended
    if history.failed is not None:
        return f"failed: {sanitize(history.failed.error)}", "error"
    if view.status is Status.CRASHED:
        return "crashed: the engine ended without a word; see engine.log", "error"
    if ended is not None and ended.test_accuracy is not None and history.started is not None:
        words = f"test accuracy {percent(ended.test_accuracy)} of {history.started.test_count:,} digits"
        return f"{words} (epoch {ended.best_epoch}) · {duration(ended.seconds)}", "success"
    if best is not None:
        return f"best validation accuracy {percent(best.validation_accuracy)}, epoch {best.epoch}", ""
    return "no epoch validated yet", "quiet"

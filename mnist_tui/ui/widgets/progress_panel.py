"""How far the epoch and the whole run are, how fast, how long still; and the result when it is over."""

from rich.text import Text

from mnist_tui.render.text import clip_parts, duration, percent, thin_bar
from mnist_tui.runs.summary import Status
from mnist_tui.ui.session import RunView
from mnist_tui.ui.widgets.line_widget import LineWidget

GIGA = 1e9


class ProgressPanel(LineWidget):
    """A line a fact, each in its place; nothing jumps."""

    DEFAULT_CSS = """
    ProgressPanel { border: round $frame; border-title-color: $foreground; height: 7; padding: 0 1; }
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
        """Two bars, the pace, the outcome, the machine."""
        if self._view is None:
            return []
        state, variables, width = self._view.progress, self.app.theme_variables, self.size.width
        lines = []
        shares = ((f"epoch {state.epoch} of {state.epochs}", state.epoch_fraction), ("whole run", state.run_fraction))
        for label, share in shares:
            done, rest = thin_bar(share, max(4, width - 22))
            bar = ((done, variables["train"]), (rest, variables["frame"]))
            lines.append(Text.assemble(f"{label:<16}", *bar, f"{share:>6.0%}"))
        words, colour = outcome(self._view)
        lines.append(Text(clip_parts(pace(self._view), width)))
        lines.append(Text(clip_parts(words, width), style=variables.get(colour, "")))
        lines.append(Text(clip_parts(machine(self._view), width), style=variables["quiet"]))
        return lines


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
        return f"failed: {history.failed.error}", "error"
    if view.status is Status.CRASHED:
        return "crashed: the engine ended without a word; engine.log has its last messages", "error"
    if ended is not None and ended.test_accuracy is not None and history.started is not None:
        words = f"test accuracy {percent(ended.test_accuracy)} of {history.started.test_count:,} digits"
        return f"{words} (epoch {ended.best_epoch}) · {duration(ended.seconds)}", "success"
    if best is not None:
        return f"best validation accuracy {percent(best.validation_accuracy)}, epoch {best.epoch}", ""
    return "no epoch validated yet", "quiet"


def machine(view: RunView) -> str:
    """What the run computes on, and how busy that is."""
    started, sample = view.history.started, view.history.hardware
    if started is None:
        return ""
    words = started.hardware.device
    if sample is None:
        return words
    memory = f"{sample.machine_memory / GIGA:.1f}/{started.hardware.memory_bytes / GIGA:.0f} GB"
    return f"{words} · CPU {sample.machine_cpu:.0f} % · RAM {memory} · engine {sample.engine_memory / GIGA:.1f} GB"

"""How far the epoch and the whole run are, how fast, how long still; and the result when it is over."""

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.render.text import clip_parts, duration, percent, thin_bar
from mnist_tui.runs.summary import Status
from mnist_tui.ui.session import RunView

GIGA = 1e9


class ProgressPanel(Widget):
    """A line a fact, each in its place; nothing jumps."""

    DEFAULT_CSS = """
    ProgressPanel { border: round $frame; border-title-color: $foreground; height: 7; padding: 0 1; }
    """

    epoch: reactive[tuple[int, int, float]] = reactive((1, 1, 0.0))
    """Number, of how many, fraction done."""
    run_fraction: reactive[float] = reactive(0.0)
    pace: reactive[str] = reactive("")
    outcome: reactive[tuple[str, str]] = reactive(("", ""))
    """What is known of the result, and the theme variable of its colour."""
    machine: reactive[str] = reactive("")

    def show(self, view: RunView) -> None:
        """Take in a new moment of the run."""
        state = view.progress
        self.border_title = "Progress" if view.status.is_live else "Result"
        self.epoch = (state.epoch, state.epochs, state.epoch_fraction)
        self.run_fraction = state.run_fraction
        speed = (
            "" if state.images_per_second != state.images_per_second else f" · {state.images_per_second:,.0f} images/s"
        )
        doing = f"{duration(state.seconds_left)} left" if view.status.is_live else str(view.status)
        self.pace = f"step {state.step:,} of {state.steps:,}{speed} · {doing}"
        self.outcome = outcome(view)
        self.machine = machine(view)

    def render(self) -> RenderResult:
        variables = self.app.theme_variables
        number, epochs, fraction = self.epoch
        text = Text(no_wrap=True)
        for label, share in ((f"epoch {number} of {epochs}", fraction), ("whole run", self.run_fraction)):
            text.append(f"{label:<16}")
            done, rest = thin_bar(share, max(4, self.size.width - 22))
            text.append(done, variables["train"])
            text.append(rest, variables["frame"])
            text.append(f"{share:>6.0%}\n")
        words, colour = self.outcome
        text.append(clip_parts(self.pace, self.size.width) + "\n")
        text.append(clip_parts(words, self.size.width) + "\n", variables.get(colour, ""))
        text.append(clip_parts(self.machine, self.size.width), variables["quiet"])
        return text


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

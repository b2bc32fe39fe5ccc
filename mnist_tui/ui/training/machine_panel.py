"""What the machine is busy with, and in words what holds the training up."""

from rich.text import Text
from textual.geometry import Size

from mnist_tui.diagnosis.bottleneck import Bottleneck, Diagnosis, diagnose
from mnist_tui.render.text import clip, clip_parts, sanitize
from mnist_tui.runs.history import History
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.training.machine_lines import cpu_line, gpu_lines, in_short

WAITING = "measured every two seconds once Keras is there"
UNJUDGED = "what holds it up is judged after ten seconds of training"
NOT_MEASURED, NOT_JUDGED = "nothing was measured", "trained too briefly to judge what held it up"
COLOURS = {Bottleneck.STARVED: "warning", Bottleneck.INPUT: "warning", Bottleneck.COMPUTE: "success"}
MOST_GPUS = 4
"""Lines for GPUs; a machine with more shows the first ones."""


class MachinePanel(LineWidget):
    """A line for the CPU, one for each GPU, one for the verdict; a single line where that is all the room."""

    DEFAULT_CSS = """
    MachinePanel { border: round $frame; border-title-color: $foreground; height: auto; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._history: History | None = None
        self._review: Diagnosis | None = None
        self._shown: tuple[object, ...] = ()
        self._rows = 3
        self._tense, self._waiting, self._unjudged = "", WAITING, UNJUDGED

    def show(self, view: RunView) -> None:
        """Take in a new moment of the run."""
        history = view.history
        state = (history.hardware, history.started, view.status, history.paused)
        if state == self._shown and self._history is history:
            return
        self._shown, self._history = state, history
        started = history.started
        self._review = None
        if started is not None:
            hardware = started.hardware
            self._review = diagnose(history.hardware_samples, hardware.cpu_count, hardware.device)
        self._tense = "" if view.status.is_live and not history.paused else "was "
        self._waiting, self._unjudged = (WAITING, UNJUDGED) if view.status.is_live else (NOT_MEASURED, NOT_JUDGED)
        device = f"  [$quiet]{sanitize(started.hardware.device)}[/]" if started is not None else ""
        self.set_title(f"Machine{device}")
        rows = self._rows
        self._rows = 2 + (min(MOST_GPUS, max(1, len(history.hardware.gpus))) if history.hardware is not None else 1)
        if rows != self._rows:
            self.refresh(layout=True)
        self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as there are parts."""
        return self._rows

    def draw(self) -> list[Text]:
        """One line, or a line a part."""
        history, variables, width = self._history, self.app.theme_variables, self.size.width
        if history is None:
            return []
        started, sample = history.started, history.hardware
        if started is None or sample is None:
            return [Text(clip(self._waiting, width), style=variables["quiet"])]
        reviewed = self._review
        colour = variables.get(COLOURS.get(reviewed.kind, ""), "") if reviewed is not None else variables["quiet"]
        if self.size.height == 1:
            return [self._single(in_short(sample, started.hardware), reviewed, colour, width)]
        busy, rest, quiet = variables["train"], variables["frame"], variables["quiet"]
        return [
            cpu_line(sample, started.hardware, width, busy, rest),
            *gpu_lines(sample, width, busy, rest, quiet)[:MOST_GPUS],
            Text(
                clip_parts(self._tense + reviewed.at_length() if reviewed is not None else self._unjudged, width, "; "),
                style=colour,
            ),
        ]

    def _single(self, figures: str, reviewed: Diagnosis | None, colour: str, width: int) -> Text:
        if reviewed is None:
            return Text(clip_parts(figures, width))
        words = clip_parts(self._tense + str(reviewed), width, "; ")
        rest = clip_parts(figures, max(0, width - len(words) - 3)) if width - len(words) - 3 >= 8 else ""
        return Text.assemble((words, colour), " · " + rest if rest else "")

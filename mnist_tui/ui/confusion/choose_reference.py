"""What a confusion matrix can be compared with: another epoch of the run, or the best epoch of another run."""

from dataclasses import dataclass
from typing import Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.events import EpochEnded
from mnist_tui.render.text import percent, sanitize
from mnist_tui.runs.directory import RunDirectory, list_runs
from mnist_tui.runs.summary import summaries
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog

BEFORE: Literal["before"] = "before"
"""Whatever epoch comes before the one that is looked at."""
MOST_RUNS = 50
"""Runs that are read at most, the newest."""
Counts = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Against:
    """A matrix to compare with."""

    words: str
    counts: Counts
    accuracy: float


def epochs_against(epochs: list[EpochEnded], looked_at: int | None) -> list[Against]:
    """The other epochs of a run, the newest first."""
    return [
        Against(f"epoch {each.epoch}", each.confusion, each.validation_accuracy)
        for each in reversed(epochs)
        if each.epoch != looked_at
    ]


def runs_against(run: RunDirectory, classes: int) -> list[Against]:
    """The best epochs of other runs with as many classes, the newest first; reads every run's events."""
    others = [each for each in list_runs() if each.path != run.path][:MOST_RUNS]
    return [
        Against(
            f"{sanitize(each.record.name)}, epoch {each.best.epoch}", each.best.confusion, each.best.validation_accuracy
        )
        for each in summaries(others)
        if each.best is not None and len(each.best.confusion) == classes
    ]


class AgainstScreen(Dialog[Against | Literal["before"] | None]):
    """Returns what to compare with; None when nothing was chosen."""

    BINDINGS = bindings("against")
    TITLE_WORDS = "Compare with"
    DEFAULT_CSS = "AgainstScreen OptionList { max-height: 16; }"

    class RunsRead(Message):
        """The other runs are known."""

        def __init__(self, found: list[Against]) -> None:
            super().__init__()
            self.found = found

    def __init__(self, run: RunDirectory, epochs: list[Against], classes: int, has_before: bool) -> None:
        super().__init__()
        self._run = run
        self._class_count = classes
        self._choices: list[Against | Literal["before"]] = [BEFORE] if has_before else []
        self._choices += epochs

    def compose_box(self) -> ComposeResult:
        options = OptionList(*(self._option(place) for place in range(len(self._choices))))
        yield options
        yield Static(Text("reading the other runs …", style="dim"), id="runs")

    def on_mount(self) -> None:
        """Other runs come when they have been read."""
        self._read_runs()

    @work(thread=True, exclusive=True)
    def _read_runs(self) -> None:
        self.post_message(self.RunsRead(runs_against(self._run, self._class_count)))

    def on_against_screen_runs_read(self, event: RunsRead) -> None:
        """List them too."""
        first = len(self._choices)
        self._choices += event.found
        self.query_one(OptionList).add_options([self._option(place) for place in range(first, len(self._choices))])
        words = "" if event.found else "No other run has as many classes and a validated epoch."
        self.query_one("#runs", Static).update(Text(words, style="dim"))
        self.query_one("#runs", Static).display = bool(words)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click on a line."""
        self.dismiss(self._choices[event.option_index])

    def _option(self, place: int) -> Option:
        choice = self._choices[place]
        if choice == BEFORE:
            return Option(Text.assemble(("the epoch before", "bold"), ("  whichever is looked at", "dim")))
        assert isinstance(choice, Against)
        return Option(Text.assemble((f"{choice.words:<28}", "bold"), f"  validation {percent(choice.accuracy)}"))

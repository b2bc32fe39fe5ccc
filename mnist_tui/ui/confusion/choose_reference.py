"""Dialog to choose what a confusion matrix is compared with: an epoch of this run, or the best epoch of another."""

from dataclasses import dataclass
from typing import Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.events import EpochEnded
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.render.text import percent, sanitize
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.summary import newest_summaries
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog

PREVIOUS: Literal["previous"] = "previous"
"""The epoch before the current one, whichever that is."""
MOST_RUNS = 50
"""Newest runs that are read."""
Counts = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Reference:
    """A confusion matrix to compare with."""

    words: str
    counts: Counts
    accuracy: float
    point: EvaluationPoint
    run: RunDirectory | None = None
    """The other run; None for an epoch of the run itself."""


def epoch_references(epochs: list[EpochEnded], current: int | None = None) -> list[Reference]:
    """Return the other epochs of a run, newest first."""
    return [
        Reference(
            f"epoch {each.epoch}",
            each.confusion,
            each.validation_accuracy,
            EvaluationPoint(VALIDATION, each.epoch),
        )
        for each in reversed(epochs)
        if each.epoch != current
    ]


def run_references(run: RunDirectory, classes: int) -> list[Reference]:
    """Return the best epochs of other runs with as many classes, newest first; reads every run's events."""
    return [
        Reference(
            f"{sanitize(each.record.name)}, epoch {each.best.epoch}",
            each.best.confusion,
            each.best.validation_accuracy,
            EvaluationPoint(VALIDATION, each.best.epoch),
            each.run,
        )
        for each in newest_summaries(MOST_RUNS, other_than=run.path)
        if each.best is not None and len(each.best.confusion) == classes
    ]


class ChooseReferenceScreen(Dialog[Reference | Literal["previous"] | None]):
    """Returns the chosen reference, or None."""

    BINDINGS = bindings("reference")
    TITLE_WORDS = "Compare with"
    DEFAULT_CSS = "ChooseReferenceScreen OptionList { max-height: 16; }"

    class RunsRead(Message):
        """The references of other runs are known."""

        def __init__(self, references: list[Reference]) -> None:
            super().__init__()
            self.references = references

    def __init__(self, run: RunDirectory, epochs: list[Reference], classes: int, has_previous: bool) -> None:
        super().__init__()
        self._run = run
        self._class_count = classes
        self._choices: list[Reference | Literal["previous"]] = [PREVIOUS] if has_previous else []
        self._choices += epochs

    def compose_box(self) -> ComposeResult:
        yield OptionList(*map(_option, self._choices))
        yield Static(Text("loading the other runs …", style="dim"), id="runs")

    def on_mount(self) -> None:
        self._read_runs()

    @work(thread=True, exclusive=True)
    def _read_runs(self) -> None:
        self.post_message(self.RunsRead(run_references(self._run, self._class_count)))

    def on_choose_reference_screen_runs_read(self, event: RunsRead) -> None:
        self._choices += event.references
        self.query_one(OptionList).add_options(map(_option, event.references))
        words = "" if event.references else "No other run has a validated epoch with the same classes."
        note = self.query_one("#runs", Static)
        note.update(Text(words, style="dim"))
        note.display = bool(words)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index])


def _option(choice: Reference | Literal["previous"]) -> Option:
    if isinstance(choice, Reference):
        return Option(Text.assemble((f"{choice.words:<28}", "bold"), f"  validation {percent(choice.accuracy)}"))
    return Option(Text.assemble(("previous epoch", "bold"), ("  follows the current epoch", "dim")))

"""The help screen: all keys of the screen in front."""

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from mnist_tui.ui.keymap import bindings, keys_of
from mnist_tui.ui.keymap.key import key_name

SIGNS = (
    ("‖", "a pause, a step, or going on"),
    ("▾", "a setting was changed"),
    ("↻", "resumed, rolled back or trained on"),
    ("!", "an alert"),
    ("×", "values that are not finite"),
)
"""Marks of the step axis and their meanings."""
DIFFICULTY = ("difficulty", "1 minus the probability of the true class, mean over the epochs: 0 easy, 1 hardest")
LABEL_ISSUE = ("label issue", "an image whose label may be wrong: the model predicts another class")
WORDS = {
    "training": (
        ("compute", "the layer's share of the model's multiply-adds"),
        ("‖w‖", "norm (size) of the layer's weights"),
        ("Δw/w", "norm of the newest step's change, relative to the weights; mostly below 1 %"),
        ("‖∇‖", "norm of the loss gradient by the layer's weights: how strongly they are still changed"),
        ("dead", "share of ReLU units that are 0 for all probe images, and so no longer learn"),
        ("compute-bound", "the processor or GPU is the bottleneck; input-bound if it waits for images"),
        ("slowed by other processes", "the machine is full, and other processes use much of it"),
        ("run, by time", "share of the time from the first step to the end of the test; no start-up"),
        ("label smoothing", "targets spread a little over all classes, so the loss stays above 0"),
    ),
    "data": (("near duplicate", "image whose pixels correlate by 0.99 or more with another's; no shifted copies"),),
    "digits": (DIFFICULTY, LABEL_ISSUE, ("margin", "probability of the first class minus that of the second")),
    "digit": (DIFFICULTY,),
    "labels": (LABEL_ISSUE, ("margin", "probability of the label minus that of the predicted class")),
    "travel": (
        ("○ ★", "an epoch; the best epoch, whose weights are kept"),
        ("◇", "the final test, or another data set that `mnist-tui evaluate` predicted"),
        ("✗", "predictions that are missing or damaged"),
    ),
}
"""Words and signs of the screens with a group of keys, and their meanings."""
WITH_LABELS = 76
"""Columns of the terminal from which there is room for the labels of the footer."""


class HelpScreen(ModalScreen[None]):
    """A table of keys, and of the words that the screen uses."""

    BINDINGS = bindings("help", "moves")
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll {
        width: 100; max-width: 100%; height: auto; max-height: 100%; border: round $accent; background: $surface;
        padding: 1 2; border-title-color: $foreground;
    }
    HelpScreen Static { height: auto; margin-bottom: 1; }
    """

    def __init__(self, groups: tuple[str, ...]) -> None:
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Keys"
            yield Static(self._table())
            yield Static(self._words())

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        with_labels = self.app.size.width >= WITH_LABELS
        table.add_column(no_wrap=True)
        if with_labels:
            table.add_column(no_wrap=True)
        for group in self._groups:
            for key in keys_of(group):
                keys = " ".join(map(key_name, key.listed_keys))
                labels = (key.label,) if with_labels else ()
                table.add_row(Text(keys, style="bold"), *labels, Text(key.help, style="dim"))
        if "steering" in self._groups:
            for sign, words in SIGNS:
                labels = ("on the curves",) if with_labels else ()
                table.add_row(Text(sign, style="bold"), *labels, Text(words, style="dim"))
        return table

    def _words(self) -> Text:
        entries = (entry for group in self._groups for entry in WORDS.get(group, ()))
        return Text("\n").join(Text.assemble((word, "bold"), (f": {meaning}", "dim")) for word, meaning in entries)

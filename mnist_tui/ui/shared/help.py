"""The help screen: all keys of the screen in front."""

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from mnist_tui.ui.keymap import bindings, key_name, keys_of

SIGNS = (
    ("‖", "a pause, a step, or going on"),
    ("▾", "a setting was changed"),
    ("↻", "resumed, rolled back or trained on"),
    ("!", "an alert"),
    ("×", "values that are not finite"),
)
"""Marks of the step axis and their meanings."""

WITH_LABELS = 76
"""Columns of the terminal from which there is room for the labels of the footer."""


class HelpScreen(ModalScreen[None]):
    """A table of keys."""

    BINDINGS = bindings("help", "moves")
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll {
        width: 100; max-width: 100%; height: auto; max-height: 100%; border: round $accent; background: $surface;
        padding: 1 2; border-title-color: $foreground;
    }
    HelpScreen Static { height: auto; }
    """

    def __init__(self, groups: tuple[str, ...]) -> None:
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Keys"
            yield Static(self._table())

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

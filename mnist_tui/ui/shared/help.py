"""The help screen: all keys of the screen in front."""

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from mnist_tui.ui.keymap import bindings, keys_of

NAMES = {
    "question_mark": "?",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "ctrl+z": "Ctrl+Z",
    "f1": "F1",
    "delete": "Del",
    "backspace": "⌫",
    "ctrl+p": "Ctrl+P",
    "ctrl+l": "Ctrl+L",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "left": "←",
    "right": "→",
    "shift+left": "Shift+←",
    "shift+right": "Shift+→",
    "up": "↑",
    "down": "↓",
}
"""Keys whose names differ from Textual's."""
SIGNS = (
    ("‖", "a pause, a step, or going on"),
    ("▾", "a setting was changed"),
    ("↻", "resumed, rolled back or trained on"),
    ("!", "an alert"),
    ("×", "values that are not finite"),
)
"""Marks of the step axis and their meanings."""


class HelpScreen(ModalScreen[None]):
    """A table of keys."""

    BINDINGS = bindings("help")
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
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        for group in self._groups:
            for key in keys_of(group):
                keys = " ".join(NAMES.get(one, one) for one in key.keys.split(","))
                table.add_row(Text(keys, style="bold"), key.label, Text(key.help, style="dim"))
        if "steering" in self._groups:
            for sign, words in SIGNS:
                table.add_row(Text(sign, style="bold"), "on the curves", Text(words, style="dim"))
        return table

"""All keys of the screen in front, from the keymap."""

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from mnist_tui.ui.keymap import KEYMAP, bindings

NAMES = {
    "question_mark": "?",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "f1": "F1",
    "ctrl+l": "Ctrl+L",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
}
"""How keys are written that Textual names otherwise."""


class HelpScreen(ModalScreen[None]):
    """A table of keys; any of Esc, ?, q or Enter closes it."""

    BINDINGS = bindings("help")
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 100%; border: round $accent; background: $surface;
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
        table = Table.grid(padding=(0, 3))
        for group in self._groups:
            for key in KEYMAP[group]:
                keys = " ".join(NAMES.get(one, one) for one in key.keys.split(","))
                table.add_row(Text(keys, style="bold"), key.label, Text(key.help, style="dim"))
        return table

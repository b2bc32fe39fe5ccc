"""The dialog that chooses the data of the next run: a path with completion, above what its folder holds."""

from collections.abc import Callable

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.config import ConfigError
from mnist_tui.render.text import data_size, padded, widest
from mnist_tui.ui.home.data_paths import DataPath, common_start, data_paths
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog
from mnist_tui.ui.shared.limited_input import LimitedInput

THIS, PARENT = "this", "parent"
"""Options of the list that are not in the folder."""
NAME_WIDTH = 56
"""Columns of a name in the list."""


class ChooseDataScreen(Dialog[str | None]):
    """Returns a path as the user would type it, or None."""

    BINDINGS = bindings("choose_data")
    TITLE_WORDS = "Choose data"
    DEFAULT_CSS = """
    ChooseDataScreen Input { height: 1; border: none; padding: 0; background: $focus; }
    ChooseDataScreen Input:focus { border: none; }
    ChooseDataScreen #hint { height: 1; margin-top: 1; color: $quiet; text-wrap: nowrap; text-overflow: ellipsis; }
    ChooseDataScreen OptionList { height: 12; }
    """

    def __init__(self, text: str, check: Callable[[str], None]) -> None:
        """Start with the path `text`; `check` raises ConfigError if a path names no readable data."""
        super().__init__()
        self._text = text
        self._check = check
        self._paths: list[DataPath] = []
        self._listed: str | None = None
        """Text that the list belongs to."""

    def compose_box(self) -> ComposeResult:
        yield LimitedInput(self._text, compact=True, select_on_focus=False, placeholder="a path, such as ~/data/")
        yield Static(
            Text.assemble(
                *(("Enter", "bold"), "  open or choose   "),
                *(("Tab", "bold"), "  complete   "),
                *(("↑ ↓", "bold"), "  move   "),
                *(("Esc", "bold"), "  cancel"),
            ),
            id="hint",
        )
        yield OptionList()

    def on_mount(self) -> None:
        self.query_one(Input).cursor_position = len(self._text)
        self._list(self._text)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._list(event.value)

    @work(thread=True, exclusive=True, group="list")
    def _list(self, text: str) -> None:
        """Read the folder in a thread: it may be on a slow disk."""
        found = data_paths(text, self._check)
        self.call_later(self._show, text, found)

    def _show(self, text: str, found: list[DataPath]) -> None:
        if not self.is_attached or text != self.query_one(Input).value or text == self._listed:
            return
        self._paths, self._listed = found, text
        options = self.query_one(OptionList)
        options.clear_options()
        if text.endswith("/"):
            options.add_option(Option(Text("Use this folder", "italic"), id=THIS))
            options.add_option(Option(Text.assemble(("../", "bold"), ("  the folder above", "dim")), id=PARENT))
        width = min(NAME_WIDTH, widest([each.name for each in found]))
        options.add_options([Option(_line(each, width), id=each.text) for each in found])
        if not options.option_count:
            options.add_option(Option(Text("no folder or data file begins like this", "dim"), disabled=True))
        options.highlighted = 2 if text.endswith("/") and found else 0

    @on(Input.Submitted)
    def _choose_highlighted(self) -> None:
        """Choose a complete path, else what is highlighted in the list."""
        text, options = self.query_one(Input).value, self.query_one(OptionList)
        if not text.endswith("/") and self._is_data(text) and f"{text}/" not in (each.text for each in self._paths):
            self.dismiss(text)
        elif options.highlighted is None or options.get_option_at_index(options.highlighted).disabled:
            self.app.bell()
        else:
            options.action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        text, chosen = self.query_one(Input).value, event.option_id or ""
        if chosen == THIS:
            self.dismiss(text.rstrip("/") or "/")
        elif chosen == PARENT:
            self._open(_above(text))
        elif chosen.endswith("/"):
            self._open(chosen)
        else:
            self.dismiss(chosen)

    def action_complete(self) -> None:
        """Complete the path as far as all entries of the list agree."""
        text, start = self.query_one(Input).value, common_start(self._paths)
        if len(start) > len(text):
            self._open(start)
        else:
            self.app.bell()

    def _open(self, text: str) -> None:
        field = self.query_one(Input)
        field.value = text
        field.cursor_position = len(text)
        field.focus()

    def _is_data(self, text: str) -> bool:
        try:
            self._check(text)
        except ConfigError:
            return False
        return True


def _line(path: DataPath, width: int) -> Text:
    if path.size is None:
        return Text(padded(path.name, width), "bold")
    return Text.assemble(padded(path.name, width), (f"  {data_size(path.size):>6}", "dim"))


def _above(text: str) -> str:
    """Return the folder above a path that ends in a slash."""
    folder, _, name = text.rstrip("/").rpartition("/")
    if name in ("", "..", "."):
        return "/" if text.startswith("/") else f"{text}../"
    if name.startswith("~") and not folder:
        return f"{text}../"
    return f"{folder}/" if folder or text.startswith("/") else "./"

"""The dialog that lists the formats of exports."""

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.export.formats import FORMATS, Format
from mnist_tui.runs.errors import RunError
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog

WITH_DESCRIPTIONS = 60
"""Columns of the terminal from which each description fits in its line."""


class ExportDialog(Dialog[Format | None]):
    """Returns the chosen format, or None."""

    BINDINGS = bindings("formats")
    DEFAULT_CSS = """
    ExportDialog OptionList { max-height: 100%; scrollbar-size: 1 1; }
    ExportDialog #where { color: $quiet; }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.TITLE_WORDS = f"Export {name}"

    def compose_box(self) -> ComposeResult:
        yield Static("written to the folder exports of the run", id="where")
        yield OptionList(*(Option(self._prompt(each), id=each.name) for each in FORMATS))

    def _prompt(self, each: Format) -> Text:
        width = max(len(each.name) for each in FORMATS)
        try:
            each.check()
            words = each.description
        except RunError:
            words = f"{each.description} (pip install 'mnist-tui[{each.extra}]')"
        shown = self.app.size.width >= WITH_DESCRIPTIONS
        return Text.assemble((f"{each.name:<{width}}", "bold"), (f"   {words}" if shown else "", "dim"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(FORMATS[event.option_index])

"""The dialog that asks for the correct class of a mislabelled example."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.render.text import percent
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog

UNKNOWN_CLASS = -1
"""Returned for a wrong label whose correct class cannot be told."""


class RelabelScreen(Dialog[int]):
    """Returns a class, also the label's own, or UNKNOWN_CLASS; None if nothing was chosen.

    Typing the beginning of a class name chooses the class as soon as no other name begins like it.
    """

    BINDINGS = bindings("relabel")
    TITLE_WORDS = "Relabel as"

    def __init__(self, label: int, names: Sequence[str], probabilities: Sequence[float]) -> None:
        super().__init__()
        self._label = label
        self._names = names
        self._probabilities = probabilities
        self._typed = ""

    def compose_box(self) -> ComposeResult:
        keys = "0-9" if all(len(name) == 1 and name.isdigit() for name in self._names) else "type a name"
        yield Static(Text.assemble((keys, "bold"), "  choose the class   ", ("Esc", "bold"), "  cancel"))
        order = sorted(range(len(self._names)), key=lambda each: -self._probabilities[each])
        options = [Option(self._line(each), id=str(each)) for each in order]
        yield OptionList(*options, Option(Text("wrong, correct class unknown", "italic"), id=str(UNKNOWN_CLASS)))

    def _line(self, number: int) -> Text:
        width = max(map(len, self._names))
        line = Text.assemble(
            (f"{self._names[number]:<{width}}", "bold"), (f"  {percent(self._probabilities[number], 1):>8}", "dim")
        )
        return line.append("  present label", "dim") if number == self._label else line

    def on_key(self, event: Key) -> None:
        if event.character is None or not event.is_printable:
            return
        typed = self._typed + event.character.lower()
        found = [each for each, name in enumerate(self._names) if name.lower().startswith(typed)]
        if not found and not self._typed:
            return  # no class begins like this: leave it to the bindings
        event.stop()
        self._typed = typed
        if len(found) == 1:
            self.dismiss(found[0])
        elif found:
            options = self.query_one(OptionList)
            options.highlighted = options.get_option_index(str(found[0]))
        else:
            self._typed = ""
            self.app.bell()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(int(event.option_id or UNKNOWN_CLASS))

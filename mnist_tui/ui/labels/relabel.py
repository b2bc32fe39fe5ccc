"""The dialog that asks for the correct class of a digit."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.render.text import percent
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog


class RelabelScreen(Dialog[int]):
    """A list of the classes, the most probable first. Returns a class; None if the user cancels.

    Where the classes are the digits 0 to 9, the number keys choose one: the only place where they open no screen.
    `probabilities` are the model's, one for each class.
    """

    BINDINGS = bindings("relabel")
    TITLE_WORDS = "Relabel"

    def __init__(self, label: int, names: Sequence[str], probabilities: Sequence[float]) -> None:
        super().__init__()
        self._label = label
        self._names = names
        self._probabilities = probabilities

    def compose_box(self) -> ComposeResult:
        digits = ", a digit" if self._has_digit_names else ""
        yield Static(Text(f"The label is {self._names[self._label]}. Choose the correct class: ↑ ↓ and Enter{digits}."))
        width = max(len(name) for name in self._names)
        most_probable = sorted(range(len(self._names)), key=lambda each: -self._probabilities[each])
        yield OptionList(*(Option(self._line(each, width), id=str(each)) for each in most_probable))

    def _line(self, number: int, width: int) -> Text:
        line = Text.assemble(
            (f"{self._names[number]:<{width}}", "bold"), (f"  {percent(self._probabilities[number], 1):>8}", "dim")
        )
        return line.append("   the label is correct", "italic") if number == self._label else line

    @property
    def _has_digit_names(self) -> bool:
        return len(self._names) <= 10 and tuple(self._names) == tuple(map(str, range(len(self._names))))

    def on_key(self, event: Key) -> None:
        if self._has_digit_names and event.key in self._names:
            event.stop()
            self.dismiss(int(event.key))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(int(event.option_id or self._label))

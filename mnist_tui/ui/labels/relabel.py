"""The dialog that asks for the correct class of a mislabelled example."""

from collections.abc import Sequence

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.render.text import padded, percent, widest
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog
from mnist_tui.ui.shared.limited_input import LimitedInput

UNKNOWN_CLASS = -1
"""Returned for a wrong label whose correct class cannot be told."""
BY_KEY = 10
"""Classes up to which a digit chooses one; more are searched."""
NAME_WIDTH = 40
"""Columns of a class name at most."""


def found_classes(typed: str, names: Sequence[str]) -> list[int]:
    """Return the classes that a text names, the best matches first: number, name, start of the name, part of it."""
    text = typed.strip().casefold()
    ranks = {}
    for number, name in enumerate(map(str.casefold, names)):
        matches = (name == text, str(number) == text, name.startswith(text), text in name)
        if any(matches):
            ranks[number] = matches.index(True)
    return sorted(ranks, key=ranks.__getitem__)


class RelabelScreen(Dialog[int]):
    """Returns a class, also the label's own, or UNKNOWN_CLASS; None if nothing was chosen.

    Of few classes, a digit or the beginning of a name chooses one as soon as no other name begins like it. Of many,
    the typed text narrows the list.
    """

    BINDINGS = bindings("relabel")
    TITLE_WORDS = "Relabel as"
    OFFERS_UNKNOWN = True
    DEFAULT_CSS = """
    RelabelScreen Input { height: 1; border: none; padding: 0; background: $focus; }
    RelabelScreen Input:focus { border: none; }
    RelabelScreen OptionList.-many { height: 14; }
    """

    def __init__(self, label: int, names: Sequence[str], probabilities: Sequence[float]) -> None:
        super().__init__()
        self._label = label
        self._names = names
        self._probabilities = probabilities
        self._typed = ""
        self._is_searched = len(names) > BY_KEY
        self._has_digits = all(len(name) == 1 and name.isdigit() for name in names)

    def compose_box(self) -> ComposeResult:
        if self._is_searched:
            yield LimitedInput(compact=True, placeholder="type a name or a number")
        keys = "Enter" if self._is_searched else "0-9" if self._has_digits else "0-9, or type a name"
        yield Static(Text.assemble((keys, "bold"), "  choose the class   ", ("Esc", "bold"), "  cancel"))
        order = sorted(range(len(self._names)), key=lambda each: -self._probabilities[each])
        yield OptionList(*self._options(order), classes="-many" if self._is_searched else None)

    def on_mount(self) -> None:
        if self._is_searched:
            self.query_one(OptionList).highlighted = 0

    def _options(self, order: Sequence[int]) -> list[Option]:
        options = [Option(self._line(each), id=str(each)) for each in order]
        unknown = Option(Text("wrong, correct class unknown", "italic"), id=str(UNKNOWN_CLASS))
        return [*options, unknown] if self.OFFERS_UNKNOWN else options

    def _line(self, number: int) -> Text:
        width, digits = min(NAME_WIDTH, widest(self._names)), len(str(len(self._names) - 1))
        line = Text("" if self._has_digits else f"{number:>{digits}}  ", "dim")
        line.append(padded(self._names[number], width), "bold not dim")
        line.append(f"  {percent(self._probabilities[number], 1):>8}", "dim")
        return line.append("  present label", "dim") if number == self._label else line

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        options = self.query_one(OptionList)
        found = found_classes(event.value, self._names)
        if not event.value.strip():
            found.sort(key=lambda each: -self._probabilities[each])
        options.clear_options()
        options.add_options(self._options(found))
        options.highlighted = 0

    @on(Input.Submitted)
    def _choose_highlighted(self) -> None:
        self.query_one(OptionList).action_select()

    def on_key(self, event: Key) -> None:
        if self._is_searched or event.character is None or not event.is_printable:
            return
        typed = self._typed + event.character.lower()
        found = [each for each, name in enumerate(self._names) if name.lower().startswith(typed)]
        if not found and not self._typed:
            if event.character.isdecimal() and int(event.character) < len(self._names):
                self.dismiss(int(event.character))
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

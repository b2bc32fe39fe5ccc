"""A small list of the classes that a wrongly labelled digit may be, the likeliest first."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.render.text import percent
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog

NOBODY_KNOWS = -1
"""Chosen when the label is wrong, and nobody can tell what would be right."""


class ChooseClassScreen(Dialog[int]):
    """Returns a class, or NOBODY_KNOWS; None when nothing was chosen.

    `probabilities` are the network's, one a class; the `label` itself is not offered.
    """

    BINDINGS = bindings("choose_class")
    TITLE_WORDS = "The label is wrong"

    def __init__(self, label: int, names: Sequence[str], probabilities: Sequence[float]) -> None:
        super().__init__()
        self._label = label
        self._names = names
        self._probabilities = probabilities

    def compose_box(self) -> ComposeResult:
        yield Static(Text(f"It is labelled {self._names[self._label]}. What is it?"))
        likeliest = sorted(range(len(self._names)), key=lambda each: -self._probabilities[each])
        width = max(len(name) for name in self._names)
        options = [
            Option(
                Text.assemble(
                    (f"{self._names[each]:<{width}}", "bold"), (f"  {percent(self._probabilities[each], 1):>8}", "dim")
                ),
                id=str(each),
            )
            for each in likeliest
            if each != self._label
        ]
        yield OptionList(*options, Option(Text("nobody can tell", "italic"), id=str(NOBODY_KNOWS)))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click on a line."""
        self.dismiss(int(event.option_id or NOBODY_KNOWS))

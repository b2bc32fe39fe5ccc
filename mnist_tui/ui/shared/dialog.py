"""Dialogs: their base, and one with a few choices."""

from typing import TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunView

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """A framed box over the screen below. Subclasses implement `compose_box`."""

    BINDINGS = bindings("moves")
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical {
        width: 78; max-width: 100%; height: auto; max-height: 100%; border: round $accent; background: $surface;
        padding: 1 2; border-title-color: $foreground;
    }
    Dialog.-narrow > Vertical { padding: 0 1; }
    Dialog > Vertical.-alarming { border: round $error; border-title-color: $error; border-title-style: bold; }
    Dialog OptionList { border: none; height: auto; background: transparent; padding: 0; margin-top: 1; }
    Dialog OptionList:focus { border: none; background-tint: transparent; }
    """
    TITLE_WORDS = ""
    """The frame's title."""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (78, "-normal")]  # noqa: RUF012
    IS_ALARMING = False
    """True if something is wrong."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="-alarming" if self.IS_ALARMING else None) as box:
            box.border_title = self.TITLE_WORDS
            yield from self.compose_box()

    def compose_box(self) -> ComposeResult:
        raise NotImplementedError

    def update_view(self, view: RunView) -> None:
        """Handle a new view of the run while the dialog is in front."""

    def action_close(self) -> None:
        """Close without a change."""
        self.dismiss(None)

    def action_move(self, where: str) -> None:
        """Move in the list while the user types."""
        options = self.query_one(OptionList)
        if where == "up":
            options.action_cursor_up()
        else:
            options.action_cursor_down()


class ChoiceDialog(Dialog[str]):
    """A text and a few choices, each with a key that BINDINGS bind to `choose`.

    Returns the choice; "cancel" changes nothing.
    """

    CHOICES: tuple[tuple[str, str, str, str], ...] = ()
    """(choice, key, label, explanation) from the top."""
    FIRST = 0
    """Position of the cursor at first."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self._sentence = sentence

    def compose_box(self) -> ComposeResult:
        yield Static(Text(self._sentence))
        width = max(len(name) for _, _, name, _ in self.CHOICES)
        key_width = max(len(key) for _, key, _, _ in self.CHOICES)
        options = OptionList(
            *(
                Option(Text.assemble((f"{key:<{key_width}}", "bold"), f"  {name:<{width}}  ", does), id=choice)
                for choice, key, name, does in self.CHOICES
            )
        )
        options.highlighted = self.FIRST
        yield options

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_choose(self, choice: str) -> None:
        """Return a choice by its key."""
        self.dismiss(choice)

"""The question on leaving while a run goes on: stop and save, leave it running, or stay."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.ui.keymap import bindings

CHOICES = {
    "stop": "[b]s[/]  Stop and save     end after this batch; evaluated, tested, saved",
    "leave": "[b]l[/]  Leave it running  back to the shell; `mnist-tui attach` comes back",
    "cancel": "[b]c[/]  Cancel            stay here",
}


class LeaveScreen(ModalScreen[str]):
    """Returns "stop", "leave" or "cancel"."""

    BINDINGS = bindings("leave")
    DEFAULT_CSS = """
    LeaveScreen { align: center middle; }
    LeaveScreen Vertical {
        width: 78; max-width: 100%; height: auto; border: round $accent; background: $surface; padding: 1 2;
        border-title-color: $foreground;
    }
    LeaveScreen OptionList { border: none; height: auto; background: transparent; padding: 0; margin-top: 1; }
    LeaveScreen OptionList:focus { border: none; background-tint: transparent; }
    """

    def __init__(self, name: str, left: str) -> None:
        super().__init__()
        self._name = name
        self._left = left

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Leave"
            yield Static(f"{self._name} is still training, {self._left} left.", markup=False)
            yield OptionList(*[Option(words, id=key) for key, words in CHOICES.items()])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click on a line."""
        self.dismiss(event.option_id)

    def action_choose(self, choice: str) -> None:
        """A line's own key."""
        self.dismiss(choice)

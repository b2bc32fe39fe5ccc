"""A one-line field with a few choices, changed by arrows, space or a click."""

from textual.app import RenderResult
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.ui.keymap import bindings


class ChoiceField(Widget, can_focus=True):
    """Shows ‹ choice ›; posts Changed."""

    BINDINGS = bindings("choice")
    DEFAULT_CSS = """
    ChoiceField { height: 1; width: 1fr; }
    ChoiceField:focus { background: $focus; }
    """

    class Changed(Message):
        """The choice has changed."""

        def __init__(self, field: "ChoiceField", value: str) -> None:
            super().__init__()
            self.field = field
            self.value = value

    value: reactive[str] = reactive("")

    def __init__(self, choices: tuple[str, ...], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices = choices
        self.set_reactive(ChoiceField.value, value)

    def action_turn(self, by: int) -> None:
        """Take the next or the previous choice, in a cycle."""
        self.value = self.choices[(self.choices.index(self.value) + int(by)) % len(self.choices)]
        self.post_message(self.Changed(self, self.value))

    def on_click(self, event: Click) -> None:
        event.stop()
        self.focus()
        self.action_turn(1)

    def render(self) -> RenderResult:
        return Content.from_markup("[$quiet]‹[/] [b]$value[/] [$quiet]›[/]", value=self.value)

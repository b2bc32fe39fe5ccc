"""Input line for a filter, with the number of matches, and a hint or an error below it."""

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from mnist_tui.analysis.terms import FIELDS, WORDS
from mnist_tui.ui.digits.completion import candidates, complete, without_partial_word, word_before
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.limited_input import LimitedInput

EXAMPLES = "  ".join([*(field.example for field in FIELDS.values()), *WORDS])


class FilterInput(LimitedInput):
    """The input field: Tab completes, Enter applies, Esc cancels."""

    BINDINGS = bindings("filter")

    class Cancelled(Message):
        """The user pressed Esc."""

    def __init__(self) -> None:
        super().__init__(compact=True, placeholder="true:4 pred:9 conf>0.9")
        self.names: tuple[str, ...] = ()
        """Class names for the completion."""

    def action_complete(self) -> None:
        text, cursor = complete(self.value, self.cursor_position, self.names)
        if text == self.value:
            self.app.bell()
        self.value = text
        self.cursor_position = cursor

    def action_give_up(self) -> None:
        self.post_message(self.Cancelled())


class FilterLine(Vertical):
    """Two lines: the input field with a count, and a hint or an error."""

    DEFAULT_CSS = """
    FilterLine { height: 2; background: $surface; display: none; }
    FilterLine Horizontal { height: 1; }
    FilterLine #label { width: auto; padding: 0 1; color: $accent; text-style: bold; }
    FilterLine FilterInput { width: 1fr; border: none; padding: 0 1; background: $focus; }
    FilterLine FilterInput:focus { border: none; }
    FilterLine #count { width: auto; padding: 0 1; }
    FilterLine #hint { height: 1; padding: 0 1; color: $quiet; text-wrap: nowrap; text-overflow: ellipsis; }
    FilterLine #hint.-wrong { color: $error; }
    """

    class Changed(Message):
        """The text has changed; `text` leaves out a last word that is still incomplete."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Submitted(Message):
        """The user pressed Enter."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Cancelled(Message):
        """The user pressed Esc."""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("Filter", id="label")
            yield FilterInput()
            yield Static(id="count")
        yield Static(id="hint", markup=False)

    @property
    def is_open(self) -> bool:
        """Return True if the line is shown."""
        return bool(self.display)

    def open(self, text: str, names: tuple[str, ...]) -> None:
        """Show the line with a filter to edit."""
        field = self.query_one(FilterInput)
        field.names, self.display = names, True
        with self.prevent(Input.Changed):
            field.value = f"{text} " if text else ""
        field.cursor_position = len(field.value)
        self.screen.set_focus(field)  # at once, since the next key belongs to the field

    def close(self) -> None:
        """Hide the line."""
        self.display = False

    def show_count(self, count: str) -> None:
        """Show the number of matches and a hint."""
        self._show(count, self._hint(self.query_one(FilterInput)), is_error=False)

    def show_error(self, message: str) -> None:
        """Show why the filter cannot be parsed."""
        self._show("", message, is_error=True)

    def _show(self, count: str, words: str, *, is_error: bool) -> None:
        self.query_one("#count", Static).update(Text(count))
        hint = self.query_one("#hint", Static)
        hint.set_class(is_error, "-wrong")
        hint.update(Text(words, no_wrap=True, overflow="ellipsis"))

    def _hint(self, field: FilterInput) -> str:
        word = word_before(field.value, field.cursor_position)
        found = candidates(word, field.names) if word else []
        if found and found != [word]:
            return "Tab: " + "  ".join(each.strip() for each in found)
        return EXAMPLES

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        field = self.query_one(FilterInput)
        self.post_message(self.Changed(without_partial_word(event.value, field.cursor_position, field.names)))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted(event.value))

    @on(FilterInput.Cancelled)
    def _cancelled(self, event: FilterInput.Cancelled) -> None:
        event.stop()
        self.post_message(self.Cancelled())

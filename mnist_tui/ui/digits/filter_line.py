"""The line in which a filter is typed, with the count of what passes it, or what is wrong with it."""

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from mnist_tui.analysis.terms import FIELDS, WORDS
from mnist_tui.ui.digits.completion import begun, candidates, complete, finished
from mnist_tui.ui.keymap import bindings

EXAMPLES = "  ".join([*(field.example for field in FIELDS.values()), *WORDS])
"""What can be asked for, in a line that is cut where there is no room."""


class FilterInput(Input):
    """Tab completes, Enter keeps, Esc gives up."""

    BINDINGS = bindings("filter")

    class GivenUp(Message):
        """Esc was pressed."""

    def __init__(self) -> None:
        super().__init__(compact=True, placeholder="true:4 pred:9 conf>0.9")
        self.names: tuple[str, ...] = ()
        """Names of the classes, to complete them."""

    def action_complete(self) -> None:
        """Finish the word before the cursor as far as it is certain."""
        text, cursor = complete(self.value, self.cursor_position, self.names)
        if text == self.value:
            self.app.bell()
        self.value = text
        self.cursor_position = cursor

    def action_give_up(self) -> None:
        """Say so."""
        self.post_message(self.GivenUp())


class FilterLine(Vertical):
    """Two lines: what is typed with the count, and a hint or what is wrong."""

    DEFAULT_CSS = """
    FilterLine { height: 2; background: $surface; display: none; }
    FilterLine Horizontal { height: 1; }
    FilterLine #label { width: auto; padding: 0 1; color: $accent; text-style: bold; }
    FilterLine FilterInput { width: 1fr; border: none; padding: 0 1; background: $accent 20%; }
    FilterLine FilterInput:focus { border: none; }
    FilterLine #count { width: auto; padding: 0 1; }
    FilterLine #hint { height: 1; padding: 0 1; color: $quiet; text-wrap: nowrap; text-overflow: ellipsis; }
    FilterLine #hint.-wrong { color: $error; }
    """

    class Typed(Message):
        """The text is another one; `finished` is it without a last word that is still being typed."""

        def __init__(self, text: str, finished: str) -> None:
            super().__init__()
            self.text = text
            self.finished = finished

    class Kept(Message):
        """Enter was pressed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class GivenUp(Message):
        """Esc was pressed."""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("Filter", id="label")
            yield FilterInput()
            yield Static(id="count")
        yield Static(id="hint", markup=False)

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return bool(self.display)

    def open(self, text: str, names: tuple[str, ...]) -> None:
        """Show it with a filter to go on with."""
        field = self.query_one(FilterInput)
        field.names, self.display = names, True
        with self.prevent(Input.Changed):
            field.value = f"{text} " if text else ""
        field.cursor_position = len(field.value)
        self.screen.set_focus(field)  # at once: what is typed next is meant for it

    def close(self) -> None:
        """Hide it."""
        self.display = False

    def tell(self, count: str, problem: str = "") -> None:
        """What passes the filter, or why it cannot be read."""
        field, hint = self.query_one(FilterInput), self.query_one("#hint", Static)
        self.query_one("#count", Static).update(Text(count))
        words = problem or self._hint(field)
        hint.set_class(bool(problem), "-wrong")
        hint.update(Text(words, no_wrap=True, overflow="ellipsis"))

    def _hint(self, field: FilterInput) -> str:
        word = begun(field.value, field.cursor_position)
        found = candidates(word, field.names) if word else []
        if word and found and found != [word]:
            return "Tab: " + "  ".join(each.strip() for each in found)
        return EXAMPLES

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        field = self.query_one(FilterInput)
        self.post_message(self.Typed(event.value, finished(event.value, field.cursor_position, field.names)))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Kept(event.value))

    @on(FilterInput.GivenUp)
    def _given_up(self, event: FilterInput.GivenUp) -> None:
        event.stop()
        self.post_message(self.GivenUp())

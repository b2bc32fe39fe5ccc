"""A small menu of ready-made filters, each with how many digits pass it now."""

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from mnist_tui.analysis.query import parse, rows
from mnist_tui.analysis.table import ExampleTable
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog

READY_MADE = (
    ("mistakes", "wrong", "read as another class"),
    ("confidently wrong", "confidently-wrong", "wrong, and more than 90 % sure"),
    ("close calls", "margin<0.1", "two classes nearly equal"),
    ("learned late", "learned-late", "right only since the last third"),
    ("learned, then forgotten", "forgotten", "was right, and no longer is"),
    ("never learned", "never-learned", "right at no epoch so far"),
    ("disputed labels", "disputed", "the label is probably wrong"),
    ("disputed, unjudged", "disputed unjudged", "and nobody has judged it yet"),
    ("label judged wrong", "label-wrong", "you said so"),
    ("judged unreadable", "unreadable", "you said so"),
    ("all digits", "", "everything that was read"),
)
"""(name, filter, what it is) from the top."""


class ListsScreen(Dialog[str | None]):
    """Returns the text of the filter that was chosen; None when none was."""

    BINDINGS = bindings("lists")
    TITLE_WORDS = "Lists"

    def __init__(self, table: ExampleTable, shown: str) -> None:
        super().__init__()
        self._table = table
        self._shown = shown

    def compose_box(self) -> ComposeResult:
        width = max(len(name) for name, _, _ in READY_MADE)
        counts = [f"{len(rows(parse(text), self._table)):,}" for _, text, _ in READY_MADE]
        widest = max(len(count) for count in counts)
        options = OptionList(
            *(
                Option(
                    Text.assemble((f"{name:<{width}}", "bold"), f"  {count:>{widest}}   ", (what, "dim")), id=str(place)
                )
                for place, ((name, _, what), count) in enumerate(zip(READY_MADE, counts, strict=True))
            )
        )
        texts = [text for _, text, _ in READY_MADE]
        options.highlighted = texts.index(self._shown) if self._shown in texts else 0
        yield options

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click on a line."""
        self.dismiss(READY_MADE[int(event.option_id or 0)][1])

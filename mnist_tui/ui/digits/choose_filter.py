"""Dialog with ready-made filters and the number of digits that match each."""

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from mnist_tui.analysis.query import parse, rows
from mnist_tui.analysis.table import ExampleTable
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog

READY_MADE = (
    ("misclassified", "wrong", "predicted as another class"),
    ("confidently wrong", "confidently-wrong", "wrong with over 90 % confidence"),
    ("low margin", "margin<0.1", "two classes almost equally probable"),
    ("learned late", "learned-late", "correct only since the last third"),
    ("forgotten", "forgotten", "correct after an earlier epoch, wrong now"),
    ("never learned", "never-learned", "wrong after every epoch so far"),
    ("label issues", "label-issue", "the label is probably wrong"),
    ("unreviewed issues", "label-issue unreviewed", "label issues without a review"),
    ("wrong labels", "label-wrong", "reviewed: the label is wrong"),
    ("unreadable", "unreadable", "reviewed: no label fits"),
    ("all images", "", "no filter"),
)
"""(name, filter, description) of each filter."""
WITH_DESCRIPTIONS = 76
"""Columns of the terminal from which each description fits in its line."""


class ChooseFilterScreen(Dialog[str | None]):
    """Returns the text of the chosen filter, or None."""

    BINDINGS = bindings("lists")
    TITLE_WORDS = "Filters"

    def __init__(self, table: ExampleTable, current: str) -> None:
        super().__init__()
        self._table = table
        self._current = current

    def compose_box(self) -> ComposeResult:
        name_width = max(len(name) for name, _, _ in READY_MADE)
        counts = [f"{len(rows(parse(text), self._table)):,}" for _, text, _ in READY_MADE]
        count_width = max(map(len, counts))
        options = OptionList(
            *(
                Option(
                    Text.assemble(
                        (f"{name:<{name_width}}", "bold"),
                        f"  {count:>{count_width}}   ",
                        (description if self.app.size.width >= WITH_DESCRIPTIONS else "", "dim"),
                    )
                )
                for (name, _, description), count in zip(READY_MADE, counts, strict=True)
            )
        )
        texts = [text for _, text, _ in READY_MADE]
        options.highlighted = texts.index(self._current) if self._current in texts else 0
        yield options

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(READY_MADE[event.option_index][1])

"""The compared runs as a table: the legend of the plots above it, with results, needed images and settings."""

from collections.abc import Sequence

from rich.text import Text
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from mnist_tui.ui.compare.columns import CompareCell, CompareColumn, pages
from mnist_tui.ui.keymap import bindings

CELL_PADDING = 1
"""Blank cells on either side of every cell."""
TITLES = {"results": "results", "needed": "images and time to an accuracy", "settings": "settings that differ"}
FOOTNOTE = "to … val: first epoch's end with that validation accuracy"


class ComparedTable(DataTable[Text]):
    """Says what is to be done with the run under the cursor; what does not fit is on further pages."""

    BINDINGS = bindings("compared")
    DEFAULT_CSS = """
    ComparedTable {
        border: round $frame; border-title-color: $foreground; border-subtitle-color: $quiet; background: transparent;
        scrollbar-size: 1 1; overflow-x: hidden;
    }
    ComparedTable:focus { border: round $accent; }
    ComparedTable > .datatable--header { background: transparent; color: $quiet; text-style: none; }
    ComparedTable > .datatable--cursor { background: $accent 12%; color: $foreground; text-style: none; }
    ComparedTable:focus > .datatable--cursor { background: $accent 35%; }
    """

    class Asked(Message):
        """What a key asks for the run in a row: "hide" (or show again) or "remove"."""

        def __init__(self, row: int, what: str) -> None:
            super().__init__()
            self.row, self.what = row, what

    class Plots(Message):
        """A key for the plots."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self) -> None:
        super().__init__(
            cursor_type="row", cursor_foreground_priority="renderable", cell_padding=CELL_PADDING, header_height=2
        )
        self._columns_shown: list[CompareColumn] = []
        self._page = 0
        self._filled: list[CompareColumn] = []
        self._frame: tuple[object, ...] = ()
        """Headings, widths and theme of what was written last."""
        self.can_plot = False
        """Whether there are curves that a key could do something with."""
        self.one_plot = False
        """Whether one plot is alone: then Tab is for the plots."""

    def on_mount(self) -> None:
        """Cells carry colours of their own: another theme, other cells."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())

    def on_resize(self) -> None:
        """Another width has room for other columns."""
        self._fill()

    def show(self, columns: Sequence[CompareColumn]) -> None:
        """Take in what is to be shown; nothing is touched when nothing changed."""
        if list(columns) != self._columns_shown:
            self._columns_shown = list(columns)
            self._fill()

    @property
    def page_count(self) -> int:
        """How many pages there are in this width."""
        return len(self._pages)

    @property
    def _pages(self) -> list[list[int]]:
        return pages(self._columns_shown, self.content_size.width - 1, 2 * CELL_PADDING)  # the scroll bar

    def _fill(self) -> None:
        """Write the table anew where it differs; the cursor stays in its row.

        Every width is given: DataTable measures cells when it is idle, and does not repaint what it painted until then.
        """
        if not self._columns_shown or not self.content_size.width:
            return
        found = self._pages
        self._page %= len(found)
        chosen = [self._columns_shown[place] for place in found[self._page]]
        self._set_titles(chosen, len(found))
        frame = ([(column.heading, column.width, len(column.cells)) for column in chosen], self.app.theme)
        before, self._filled = self._filled, chosen
        if frame == self._frame:
            self._update(before, chosen)
            return
        self._frame = frame
        row = self.cursor_row
        self.clear(columns=True)
        for column in chosen:
            justify = "right" if column.is_number else "left"
            self.add_column(Text("\n".join(column.heading), justify=justify), width=column.width)  # type: ignore[arg-type]
        for place in range(len(chosen[0].cells)):
            self.add_row(*(self._cell(column.cells[place], column.is_number) for column in chosen))
        if self.row_count:
            self.move_cursor(row=min(row, self.row_count - 1))

    def _update(self, before: Sequence[CompareColumn], after: Sequence[CompareColumn]) -> None:
        """Write only the cells that changed: a live run changes a few, twice a second."""
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            for row, (was, cell) in enumerate(zip(old.cells, new.cells, strict=True)):
                if was != cell:
                    self.update_cell_at(Coordinate(row, place), self._cell(cell, new.is_number))

    def _set_titles(self, chosen: Sequence[CompareColumn], count: int) -> None:
        groups = dict.fromkeys(column.group for column in chosen)
        words = ", ".join(TITLES[group] for group in groups if group in TITLES)
        page = f"  [$quiet]{self._page + 1} of {count}[/]" if count > 1 else ""
        title = f"{len(chosen[0].cells)} runs  [$quiet]{words}[/]{page}"
        if title != self.border_title:
            self.border_title = title
        self.border_subtitle = FOOTNOTE if "needed" in groups else ""

    def _cell(self, cell: CompareCell, is_number: bool) -> Text:
        colour = self.app.theme_variables.get(cell.colour, "")
        style = " ".join(filter(None, ("bold" if cell.bold else "", colour)))
        return Text(cell.words, style=style, justify="right" if is_number else "left")

    def action_turn(self, step: int) -> None:
        """Other columns."""
        self._page += step
        self._fill()

    def action_hide(self) -> None:
        """Hide the run's curves, or draw them again."""
        self.post_message(self.Asked(self.cursor_row, "hide"))

    def action_remove(self) -> None:
        """Compare without it."""
        self.post_message(self.Asked(self.cursor_row, "remove"))

    def action_plots(self, what: str) -> None:
        """Arrows and the like go to the plots."""
        self.post_message(self.Plots(what))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tab turns to other columns where there are any, and to another plot while one is alone."""
        if action == "plots":
            return self.can_plot and (self.one_plot or parameters[0] not in ("next", "previous"))
        if action == "turn":
            return self.page_count > 1
        if action in ("hide", "remove"):
            return self.row_count > 0
        return super().check_action(action, parameters)

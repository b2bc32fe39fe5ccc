"""The table of compared runs: the legend of the plots above it, with results and settings."""

from collections.abc import Sequence
from typing import Literal

from rich.text import Text
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from mnist_tui.ui.compare.columns import CompareCell, CompareColumn, pages
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.paint import palette_of

CELL_PADDING = 1
"""Blank columns on either side of a cell."""
TITLES = {
    "results": "results",
    "targets": "images and time to an accuracy",
    "energy": "energy of whole CPU packages and GPUs",
    "settings": "settings that differ",
}
FOOTNOTE = "to … val: end of the first epoch with that validation accuracy"


class ComparedTable(DataTable[Text]):
    """One row a run; columns that do not fit are on further pages."""

    BINDINGS = bindings("compared")
    DEFAULT_CSS = """
    ComparedTable {
        border: round $frame; border-title-color: $foreground; border-subtitle-color: $quiet; background: transparent;
        scrollbar-size: 1 1; overflow-x: hidden;
    }
    ComparedTable:focus { border: round $accent; }
    ComparedTable > .datatable--header { background: transparent; color: $quiet; text-style: none; }
    ComparedTable > .datatable--cursor { background: $faint-focus; color: $foreground; text-style: none; }
    ComparedTable:focus > .datatable--cursor { background: $focus; }
    """

    class RunAction(Message):
        """Posted to hide (or show again) or to remove the run of a row."""

        def __init__(self, row: int, action: Literal["hide", "remove"]) -> None:
            super().__init__()
            self.row, self.action = row, action

    class PlotCommand(Message):
        """Posted for a key of the plots; `command` is one of `PlotBoard.action_plots`."""

        def __init__(self, command: str) -> None:
            super().__init__()
            self.command = command

    def __init__(self) -> None:
        super().__init__(
            cursor_type="row", cursor_foreground_priority="renderable", cell_padding=CELL_PADDING, header_height=2
        )
        self._columns: list[CompareColumn] = []
        self._page = 0
        self._written: list[CompareColumn] = []
        self._layout: tuple[object, ...] = ()
        """Headings, widths and theme of the written columns."""
        self.can_plot = False
        """True if there are curves for the keys of the plots."""
        self.has_maximised_plot = False
        """True if Tab goes to the next plot instead of the next page."""

    def on_mount(self) -> None:
        if palette_of(self).needs_signs:  # whose colours cannot be read on that of the cursor
            self.cursor_foreground_priority = "css"
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())

    def on_resize(self) -> None:
        self._fill()

    def show(self, columns: Sequence[CompareColumn]) -> None:
        """Show the columns, if they have changed."""
        if list(columns) != self._columns:
            self._columns = list(columns)
            self._fill()

    @property
    def _pages(self) -> list[list[int]]:
        scroll_bar = 1
        return pages(self._columns, self.content_size.width - scroll_bar, 2 * CELL_PADDING)

    def _fill(self) -> None:
        """Write the cells that differ, or the whole table if its layout does; the cursor stays in its row."""
        if not self._columns or not self.content_size.width:
            return
        found = self._pages
        self._page %= len(found)
        columns = [self._columns[index] for index in found[self._page]]
        self._set_titles(columns, len(found))
        layout = ([(column.heading, column.width, len(column.cells)) for column in columns], self.app.theme)
        before, self._written = self._written, columns
        if layout == self._layout:
            self._update(before, columns)
            return
        self._layout = layout
        row = self.cursor_row
        self.clear(columns=True)
        for column in columns:
            justify = "right" if column.is_number else "left"
            # with its width: DataTable would measure it when idle, and not repaint what it has painted by then
            self.add_column(Text("\n".join(column.heading), justify=justify), width=column.width)  # type: ignore[arg-type]
        for number in range(len(columns[0].cells)):
            self.add_row(*(self._cell(column.cells[number], column.is_number) for column in columns))
        if self.row_count:
            self.move_cursor(row=min(row, self.row_count - 1))

    def _update(self, before: Sequence[CompareColumn], after: Sequence[CompareColumn]) -> None:
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            for row, (was, cell) in enumerate(zip(old.cells, new.cells, strict=True)):
                if was != cell:
                    self.update_cell_at(Coordinate(row, index), self._cell(cell, new.is_number))

    def _set_titles(self, columns: Sequence[CompareColumn], page_count: int) -> None:
        groups = dict.fromkeys(column.group for column in columns)
        content = ", ".join(TITLES[group] for group in groups if group in TITLES)
        page = f"  [$quiet]{self._page + 1} of {page_count}[/]" if page_count > 1 else ""
        title = f"{len(columns[0].cells)} runs  [$quiet]{content}[/]{page}"
        if title != self.border_title:
            self.border_title = title
        self.border_subtitle = FOOTNOTE if "targets" in groups or "energy" in groups else ""

    def _cell(self, cell: CompareCell, is_number: bool) -> Text:
        colour = self.app.theme_variables.get(cell.colour, "")
        style = " ".join(filter(None, ("bold" if cell.bold else "", colour)))
        return Text(cell.text, style=style, justify="right" if is_number else "left")

    def action_turn(self, step: int) -> None:
        self._page += step
        self._fill()

    def action_hide(self) -> None:
        self.post_message(self.RunAction(self.cursor_row, "hide"))

    def action_remove(self) -> None:
        self.post_message(self.RunAction(self.cursor_row, "remove"))

    def action_plots(self, command: str) -> None:
        self.post_message(self.PlotCommand(command))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "plots":
            return self.can_plot and (self.has_maximised_plot or parameters[0] not in ("next", "previous"))
        if action == "turn":
            return len(self._pages) > 1
        if action in ("hide", "remove"):
            return self.row_count > 0
        return super().check_action(action, parameters)

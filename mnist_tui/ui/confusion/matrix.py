"""Confusion matrix widget: a heat map with numbers and a cursor, recall on the right, precision below."""

from functools import cached_property

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mnist_tui.analysis.change import change
from mnist_tui.analysis.confusion import report, similar_order, top_confusions
from mnist_tui.render.matrix_layout import MatrixLayout, matrix_layout
from mnist_tui.ui.confusion.matrix_painter import CellValues, Counts, MatrixComparison, MatrixPainter
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.paint import palette_of


class ConfusionMatrix(ScrollView, can_focus=True):
    """Rows are true classes, columns predicted ones. Moving the cursor repaints only the affected cells and labels."""

    BINDINGS = bindings("cursor")
    DEFAULT_CSS = "ConfusionMatrix { scrollbar-size: 1 1; }"

    cursor: reactive[tuple[int, int]] = reactive((0, 0), repaint=False)
    """The (true, predicted) cell under the cursor."""
    values: reactive[CellValues] = reactive(CellValues.COUNTS)
    """Numbers in the cells."""
    is_grouped: reactive[bool] = reactive(False)
    """True if classes that are confused are neighbours; otherwise they are in the order of their numbers."""

    class CellMoved(Message):
        """The cursor has moved."""

    class CellOpened(Message):
        """The user pressed Enter, or clicked on the cell under the cursor."""

        def __init__(self, true: int, predicted: int) -> None:
            super().__init__()
            self.true = true
            self.predicted = predicted

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counts = ()
        self._names: tuple[str, ...] = ()
        self._before: Counts | None = None
        self._comparison: MatrixComparison | None = None
        self._painter: MatrixPainter | None = None
        self._is_moved = False
        """True once the user has moved the cursor."""
        self._order: tuple[int, ...] = ()
        """Classes from the top, and from the left."""

    @property
    def counts(self) -> Counts:
        """Matrix that is shown; empty before the first."""
        return self._counts

    @property
    def comparison(self) -> MatrixComparison | None:
        """Comparison with the reference, if there is one."""
        return self._comparison

    def show(
        self, counts: Counts, names: tuple[str, ...], before: Counts | None = None, *, is_early: bool = False
    ) -> None:
        """Show a matrix, or its change from `before`.

        The first one moves the cursor to the worst confusion. With `is_early`, so does each further one, unless the
        user has moved the cursor: the first rolling evaluations are of a model that knows nothing yet.
        """
        if (counts, names, before) == (self._counts, self._names, self._before):
            return
        first = not self._counts or (is_early and not self._is_moved)
        self._counts, self._names, self._before = counts, names, before
        self._comparison = None if before is None else MatrixComparison(change(counts, before), report(before))
        if len(self._order) != len(counts):  # keep the groups of an earlier epoch, so that cells stay where they are
            self._arrange()
        worst = top_confusions(counts, 1)
        if first and worst:
            self.cursor = (worst[0].true, worst[0].predicted)
        self._lay_out()
        if first:
            self.call_after_refresh(self._scroll_to_cell, *self.cursor)

    def open(self) -> None:
        """Post CellOpened for the cell under the cursor."""
        if self._counts:
            self.post_message(self.CellOpened(*self.cursor))

    def action_move(self, where: str) -> None:
        """Move by a cell, to the ends of the row, or by the rows that are visible."""
        if not self._counts:
            return
        last, layout = len(self._order) - 1, self.current_layout
        page = max(1, (self.scrollable_content_region.height - layout.cells_top - layout.foot) // layout.cell_height)
        row, column = (self._order.index(each) for each in self.cursor)
        row, column = {
            "left": (row, column - 1),
            "right": (row, column + 1),
            "up": (row - 1, column),
            "down": (row + 1, column),
            "home": (row, 0),
            "end": (row, last),
            "pageup": (row - page, column),
            "pagedown": (row + page, column),
        }[where]
        self.go_to((self._order[min(max(row, 0), last)], self._order[min(max(column, 0), last)]))

    def go_to_next_worst(self) -> None:
        """Move the cursor to the confusion after the one under it, the largest first."""
        cells = [(each.true, each.predicted) for each in top_confusions(self._counts, len(self._counts) ** 2)]
        if cells:
            self.go_to(cells[(cells.index(self.cursor) + 1) % len(cells) if self.cursor in cells else 0])

    def go_to(self, cell: tuple[int, int]) -> None:
        """Move the cursor for the user."""
        self._is_moved = True
        self.cursor = cell

    def validate_cursor(self, cursor: tuple[int, int]) -> tuple[int, int]:
        last = max(0, len(self._counts) - 1)
        return min(max(cursor[0], 0), last), min(max(cursor[1], 0), last)

    def watch_cursor(self, old: tuple[int, int], new: tuple[int, int]) -> None:
        self._painter = None
        if not self._counts or not self.is_mounted:
            return
        for region in (*self._regions_of(*old), *self._regions_of(*new)):
            self.refresh(region)
        self._scroll_to_cell(*new)
        self.post_message(self.CellMoved())

    def watch_values(self) -> None:
        self._painter = None

    def watch_is_grouped(self) -> None:
        if self._counts:
            self._arrange()
            self._painter = None
            self._scroll_to_cell(*self.cursor)

    def on_resize(self) -> None:
        self._lay_out()

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        cell = place and self.current_layout.cell_at(place.x + round(self.scroll_x), place.y + round(self.scroll_y))
        if not cell or not self._counts:
            return
        cell = self._order[cell[0]], self._order[cell[1]]
        if cell == self.cursor:
            self.open()
        else:
            self.go_to(cell)

    def render_line(self, y: int) -> Strip:
        if not self._counts:
            return Strip.blank(self.size.width)
        room = self.scrollable_content_region
        return self._painted().line(y, *self.scroll_offset, room.width, room.height)

    @cached_property
    def current_layout(self) -> MatrixLayout:
        """Layout at the current size."""
        largest = max((max(row) for row in self._counts), default=0)
        return matrix_layout(self._names, largest, self.container_size.width, self.container_size.height)

    def _arrange(self) -> None:
        self._order = similar_order(self._counts) if self.is_grouped else tuple(range(len(self._counts)))

    def _lay_out(self) -> None:
        self.__dict__.pop("current_layout", None)
        self._painter = None
        self.virtual_size = Size(*self.current_layout.size)
        self.refresh()

    def _painted(self) -> MatrixPainter:
        colours = palette_of(self)
        if self._painter is None or self._painter.colours != colours:
            self._painter = MatrixPainter(
                self._counts,
                self._names,
                report(self._counts),
                self.current_layout,
                colours,
                self.cursor,
                self.values,
                self._comparison,
                self._order,
            )
        return self._painter

    def _regions_of(self, true: int, predicted: int) -> list[Region]:
        """Return the regions that the cursor highlights: the cell, and the labels and scores of its row and column."""
        layout, (width, height) = self.current_layout, self.scrollable_content_region.size
        row, column = self._order.index(true), self._order.index(predicted)
        x = layout.cells_left + column * layout.cell_width - round(self.scroll_x)
        y = layout.cells_top + row * layout.cell_height - round(self.scroll_y)
        foot = min(layout.cells_top + layout.cells_height + layout.foot, height) - 1
        right = min(layout.cells_left + layout.cells_width, width - layout.recall)
        return [
            Region(x, y, layout.cell_width, layout.cell_height),
            Region(0, y, layout.cells_left, layout.cell_height),
            Region(right, y, layout.recall, layout.cell_height),
            Region(x, layout.cells_top - 1, layout.cell_width, 1),
            Region(x, foot - layout.has_predictions, layout.cell_width, 1),
        ]

    def _scroll_to_cell(self, true: int, predicted: int) -> None:
        layout, (width, height) = self.current_layout, self.scrollable_content_region.size
        x, y = self._order.index(predicted) * layout.cell_width, self._order.index(true) * layout.cell_height
        room = width - layout.cells_left - layout.recall
        rows = height - layout.cells_top - layout.foot
        left = min(x, max(round(self.scroll_x), x + layout.cell_width - room))
        top = min(y, max(round(self.scroll_y), y + layout.cell_height - rows))
        self.scroll_to(max(0, left), max(0, top), animate=False)

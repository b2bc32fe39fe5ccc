"""Widget that draws the images as signs of their classes, with a cursor and a rectangle."""

from functools import lru_cache
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text
from textual import events
from textual.color import Color
from textual.message import Message

from mnist_tui.render.scatter import ScatterCells, scatter_cells
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.map.points import MapPoints
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

Cell = tuple[int, int]
"""Column and row."""
CLASS_COLOURS = 10
DENSEST = 0.35
"""Part of the ramp of greys up to which cells with many images are shaded."""
JUMP = 8
"""Columns or rows that the page keys move."""


def class_colour(variables: dict[str, str], number: int) -> Color:
    """Return the colour of a class, that of the run with the same number in a comparison."""
    return Color.parse(variables[f"run-{number % CLASS_COLOURS}"])


class ScatterView(LineWidget, can_focus=True):
    """The map. `cursor` is a cell; `corner` is the marked corner of a rectangle up to it."""

    BINDINGS = bindings("cursor")

    class CursorMoved(Message):
        """The cursor is at another cell, or the map changed."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ScatterView.CursorMoved)

    class AreaChosen(Message):
        """The user dragged a rectangle, or clicked the cell under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._points: MapPoints | None = None
        self._signs: tuple[str, ...] = ()
        self._cells: ScatterCells | None = None
        self.cursor: Cell = (0, 0)
        self.corner: Cell | None = None
        self._row: int | None = None
        """Point under the cursor, which the cursor follows to its place in another epoch."""
        self._pressed: Cell | None = None

    def show(self, points: MapPoints | None, signs: tuple[str, ...]) -> None:
        """Show other points; the cursor stays on its image."""
        if points is self._points and signs == self._signs:
            return
        self._points, self._signs = points, signs
        self._sort()
        self.redraw()
        self.post_message(self.CursorMoved())

    def chosen(self) -> NDArray[np.intp]:
        """Return the points in the rectangle, or in the cell under the cursor: misclassified ones first."""
        if self._points is None or self._cells is None:
            return np.zeros(0, dtype=np.intp)
        (left, right), (top, bottom) = self._area()
        down, across = np.divmod(self._cells.places, self._cells.counts.shape[1])
        inside = (across >= left) & (across <= right) & (down >= top) & (down <= bottom)
        found = np.flatnonzero(inside)
        return found[np.argsort(~self._points.wrong[found], kind="stable")]

    @property
    def under_cursor(self) -> int | None:
        """Return the point under the cursor: a misclassified one if there is one."""
        return self._row

    def mark(self) -> None:
        """Make the cursor's cell a corner of a rectangle, or remove the mark."""
        self.corner = None if self.corner is not None else self.cursor
        self.redraw()
        self.post_message(self.CursorMoved())

    def clear(self) -> None:
        """Remove the mark."""
        self.corner = None
        self.redraw()
        self.post_message(self.CursorMoved())

    def action_move(self, where: str) -> None:
        """Move by a cell, by JUMP rows, or to the edges."""
        (x, y), last = self.cursor, self.size.width - 1
        self._go_to(
            {
                "left": (x - 1, y),
                "right": (x + 1, y),
                "up": (x, y - 1),
                "down": (x, y + 1),
                "home": (0, y),
                "end": (last, y),
                "pageup": (x, y - JUMP),
                "pagedown": (x, y + JUMP),
            }[where]
        )

    def on_resize(self) -> None:
        self._sort()
        super().on_resize()
        self.post_message(self.CursorMoved())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        place = event.get_content_offset(self)
        if place is None or event.button != 1:
            return
        self._pressed = place.x, place.y
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._pressed is None:
            return
        x, y = event.x - self.content_offset.x, event.y - self.content_offset.y
        if (x, y) != self._pressed or self.corner is not None:
            self.corner = self._pressed
        self._go_to((x, y))

    def on_mouse_up(self, event: events.MouseUp) -> None:  # noqa: ARG002 (the cursor is there already)
        pressed, self._pressed = self._pressed, None
        if pressed is None:
            return
        self.release_mouse()
        if self.corner is not None or pressed == self.cursor:
            self.post_message(self.AreaChosen())
        else:
            self._go_to(pressed)

    def draw(self) -> list[Text]:
        cells, colours = self._cells, palette_of(self)
        if cells is None:
            return []
        class_colours = [class_colour(self.app.theme_variables, number) for number in range(CLASS_COLOURS)]
        (left, right), (top, bottom) = self._area()
        lines = []
        for y, (counts, classes, wrong) in enumerate(
            zip(cells.counts.tolist(), cells.classes.tolist(), cells.wrong.tolist(), strict=True)
        ):
            drawn: list[tuple[str, Style]] = []
            for x, (count, number, errors) in enumerate(zip(counts, classes, wrong, strict=True)):
                is_chosen = self.corner is not None and top <= y <= bottom and left <= x <= right
                is_cursor = (x, y) == self.cursor
                sign = self._signs[number] if 0 <= number < len(self._signs) else "+" if is_cursor else " "
                colour = colours.wrong if errors else class_colours[number % CLASS_COLOURS]
                drawn.append((sign, _style(colours, colour, count, errors > 0, is_cursor, is_chosen)))
            line = Text()
            for style, cells_alike in groupby(drawn, key=itemgetter(1)):
                line.append("".join(sign for sign, _ in cells_alike), style)
            lines.append(line)
        return lines

    def _area(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the first and last column, and the first and last row, of the rectangle or the cursor."""
        (x, y), (other_x, other_y) = self.cursor, self.corner or self.cursor
        return (min(x, other_x), max(x, other_x)), (min(y, other_y), max(y, other_y))

    def _go_to(self, cell: Cell) -> None:
        width, height = self.size
        if not width or not height:
            return
        self.cursor = min(max(cell[0], 0), width - 1), min(max(cell[1], 0), height - 1)
        self._find_row()
        self.redraw()
        self.post_message(self.CursorMoved())

    def _find_row(self) -> None:
        corner, self.corner = self.corner, None
        found = self.chosen()
        self.corner = corner
        self._row = int(found[0]) if found.size else None

    def _sort(self) -> None:
        """Sort the points into cells, and move the cursor with its image; at first, to a misclassified one."""
        points, (width, height) = self._points, self.size
        if points is None or not len(points.rows) or not width or not height:
            self._cells = None
            return
        is_first = self._cells is None
        self._cells = scatter_cells(points.places, points.labels, points.wrong, width, height)
        if is_first:
            wrong = np.flatnonzero(points.wrong)
            self._row = int(wrong[0]) if wrong.size else 0
        if self._row is not None and self._row < len(points.rows):
            row, column = divmod(int(self._cells.places[self._row]), width)
            self.cursor = column, row
        self.cursor = min(self.cursor[0], width - 1), min(self.cursor[1], height - 1)
        if self.corner is not None and (self.corner[0] >= width or self.corner[1] >= height):
            self.corner = None


@lru_cache(maxsize=4096)
def _style(colours: Palette, colour: Color, count: int, is_wrong: bool, is_cursor: bool, is_chosen: bool) -> Style:
    """Return the style of a cell: reversed under the cursor, shaded where many images are."""
    if is_cursor:
        return paint(colours.background, colours.accent, bold=True)
    if is_chosen:
        return paint(colour, colours.plot_cursor, bold=is_wrong) + Style(underline=colours.needs_signs)
    if is_wrong:
        return paint(colour, bold=True) + Style(reverse=True)
    if not count:
        return paint()
    if count == 1 or colours.needs_signs:
        return paint(colour, bold=count > 3)
    ramp = colours.greys[: max(1, int(len(colours.greys) * DENSEST))]
    return paint(colour, Color(*ramp[min(len(ramp) - 1, int(len(ramp) * np.log2(count) / 5))]))

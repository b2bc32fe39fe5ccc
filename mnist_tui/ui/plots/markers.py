"""Markers of events on the x axis of a drawn plot, reference lines, and the value cursor through its lines."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.color import Color

from mnist_tui.render.plot import AXIS_ROWS, Plot
from mnist_tui.render.raster import cells_of
from mnist_tui.ui.plots.view import Window
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette


@dataclass(frozen=True)
class EventMarker:
    """The marker of a kind of event. In a cell with several events the greatest weight wins, then the newest."""

    character: str
    variable: str
    """Theme variable of the colour."""
    weight: int


EVENT_MARKERS = {
    "pause": EventMarker("‖", "foreground", 0),
    "setting": EventMarker("▾", "accent", 1),
    "resume": EventMarker("↻", "success", 2),
    "broken": EventMarker("×", "error", 3),
    "alert": EventMarker("!", "warning", 4),
}
CURSOR = "┃"
REFERENCE, BEYOND_LOW, BEYOND_HIGH = "╌", "▾", "▴"
EMPTY = " \u2800"


def column_at(position: float, limits: Window, plot: Plot) -> int | None:
    """Return the column of a plot's lines at a position of the x axis; None beyond its limits."""
    first, last = limits
    if not first <= position <= last or first == last:
        return None
    (column,), _ = cells_of([(position - first) / (last - first)], [0.0], plot.columns, 1)
    return plot.left + column


def mark_events(plot: Plot, events: Iterable[tuple[float, str]], limits: Window, variables: dict[str, str]) -> None:
    """Put the markers of events, (position, kind), onto the x axis."""
    placed: dict[int, EventMarker] = {}
    for position, kind in events:
        column, marker = column_at(position, limits, plot), EVENT_MARKERS[kind]
        if column is not None and (column not in placed or marker.weight >= placed[column].weight):
            placed[column] = marker
    axis = plot.lines[-AXIS_ROWS]
    for column, marker in placed.items():
        _put(axis, column, marker.character, paint(Color.parse(variables[marker.variable]), bold=True))


def draw_references(plot: Plot, levels: Iterable[tuple[float, str]], style: Style, *, log: bool) -> None:
    """Draw levels, (value in the unit of the y axis, name), where nothing else is drawn.

    Beyond the y axis, only the name is drawn, at the edge. Levels of one row share a line. A name that does not fit
    into its row is in the nearest one, and left out if that is far.
    """
    low, high = plot.y_limits
    rows = len(plot.lines) - AXIS_ROWS
    taken: set[tuple[int, int]] = set()
    names: dict[tuple[int, str], list[str]] = {}
    for value, name in levels:
        if log and value <= 0:
            continue
        share = ((math.log10(value) if log else value) - low) / (high - low)
        _, (row,) = cells_of([0.0], [min(1.0, max(0.0, share))], plot.columns, rows)
        names.setdefault((row, BEYOND_LOW if share < 0 else BEYOND_HIGH if share > 1 else ""), []).append(name)
    for (row, beyond), found in names.items():
        label = f" {beyond} {' · '.join(found)} ".replace("  ", " ")
        nearest = sorted(range(max(0, row - 2), min(rows, row + 3)), key=lambda each: abs(each - row))
        any(_put_label(plot, each, label, style, taken) for each in nearest)
        for column in () if beyond else _blank_columns(plot, row, taken):
            _put(plot.lines[row], column, REFERENCE, style)


def _blank_columns(plot: Plot, row: int, taken: set[tuple[int, int]]) -> list[int]:
    """Return the columns of the canvas in which nothing is drawn, and no label has a blank."""
    line, end = plot.lines[row], plot.left + plot.columns
    line.pad_right(max(0, end - len(line.plain)))
    return [each for each in range(plot.left, end) if line.plain[each] in EMPTY and (row, each) not in taken]


def _put_label(plot: Plot, row: int, label: str, style: Style, taken: set[tuple[int, int]]) -> bool:
    """Write a label as far to the right as it fits; return False if it fits nowhere."""
    blank = set(_blank_columns(plot, row, taken))
    for start in range(plot.left + plot.columns - len(label), plot.left - 1, -1):
        columns = range(start, start + len(label))
        if blank.issuperset(columns):
            for column, letter in zip(columns, label, strict=True):
                _put(plot.lines[row], column, letter, style)
            taken.update((row, column) for column in columns)
            return True
    return False


def draw_cursor(plot: Plot, position: float, limits: Window, colours: Palette) -> None:
    """Draw the value cursor at a position of the x axis, behind what is drawn there."""
    column = column_at(position, limits, plot)
    if column is None:
        return
    style = paint(colours.accent, colours.plot_cursor)
    behind = Style(bgcolor=style.bgcolor, bold=True)
    *canvas, axis = plot.lines[: 1 - AXIS_ROWS]
    for line in canvas:
        line.pad_right(max(0, column + 1 - len(line.plain)))
        if line.plain[column] in EMPTY:
            _put(line, column, CURSOR, style)
        else:
            line.stylize(behind, column, column + 1)
    axis.stylize(behind, column, column + 1)


def _put(line: Text, column: int, character: str, style: Style) -> None:
    line.plain = line.plain[:column] + character + line.plain[column + 1 :]
    line.stylize(style, column, column + 1)

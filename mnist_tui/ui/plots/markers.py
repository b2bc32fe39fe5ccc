"""Markers of events on the x axis of a drawn plot, and the value cursor through its lines."""

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
        if line.plain[column] in " \u2800":
            _put(line, column, CURSOR, style)
        else:
            line.stylize(behind, column, column + 1)
    axis.stylize(behind, column, column + 1)


def _put(line: Text, column: int, character: str, style: Style) -> None:
    line.plain = line.plain[:column] + character + line.plain[column + 1 :]
    line.stylize(style, column, column + 1)

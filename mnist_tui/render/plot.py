"""Series of points as a plot in terminal cells, drawn by plotext.

plotext's cost grows with its points and with the dots of its lines: 25 ms for a full envelope in 57x18 cells. Therefore
each line is decimated to its minimum and maximum in each column and rasterised by numpy; plotext composes the cells,
the axes and their ticks. All coordinates are shares of the axes (0..1), so that no number is too large.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from threading import Lock
from typing import Literal

import numpy as np
from rich.text import Text

from mnist_tui.render.images import RGB
from mnist_tui.render.raster import BLANK, Cells, Numbers, cells_of, line_cells, point_cells
from mnist_tui.render.ticks import decimals, log_ticks, nice_ticks, row_ticks

Ticks = tuple[list[float], list[str]]
"""Positions along an axis (0..1, the middle of a cell), and their labels."""
AXIS_ROWS = 2
"""Rows of the x axis: the line and its labels."""
MIN_COLUMNS, MIN_ROWS = 12, AXIS_ROWS + 2
OUTLIER_SHARE = 0.02
"""Share of a line's values that the y range may leave out, such as the huge losses of the first steps."""
LARGEST = 1e300
"""Larger numbers are drawn here, so that sums and differences stay finite."""
_FIGURE = Lock()
"""Held while drawing: plotext's public interface has one global figure."""


@dataclass(frozen=True)
class Series:
    """Points to draw."""

    x: Numbers
    y: Numbers
    """Both of shape (n,); a y that is not finite is a gap."""
    colour: RGB
    marker: str | None = None
    """One character for separate points; None joins them with a line."""
    outliers: Literal["high", "low"] | None = None
    """The side on which a line has rare bad values, which the y range may leave out."""
    widens: bool = True
    """False if the y range need not hold it: what is beyond is drawn at the edge."""


@dataclass(frozen=True)
class Axes:
    """The x range, how numbers are written on the axes, and the colours of ticks and background."""

    format_x: Callable[[float, int], str]
    format_y: Callable[[float, int], str]
    """(value, decimals that distinguish it from its neighbours) -> label."""
    ticks: RGB
    background: RGB
    x_limits: tuple[float, float]
    y_bounds: tuple[float, float] = (-math.inf, math.inf)
    """The range of all possible y values."""
    log: bool = False
    """True for a logarithmic y axis, which leaves out zero and negative values."""


@dataclass(frozen=True)
class Plot:
    """A drawn plot: lines of equal width, the last AXIS_ROWS of them the x axis."""

    lines: list[Text]
    left: int
    """Columns left of the canvas: the y labels and the axis."""
    columns: int
    """Columns of the canvas."""
    y_limits: tuple[float, float] = (0.0, 1.0)
    """Values at the lower and the upper edge of the canvas; on a logarithmic axis their logarithms to base 10."""


def draw(series: list[Series], axes: Axes, columns: int, rows: int) -> Plot | None:
    """Draw the series over each other, the last on top; None if there is no room for a plot."""
    if columns < MIN_COLUMNS or rows < MIN_ROWS:
        return None
    first, last = _non_empty(*axes.x_limits)
    series = [_drawable(one, axes.log) for one in series]
    low, high, y_values, y_labels = _y_axis([one for one in series if one.widens], axes, rows - AXIS_ROWS)
    low, high = _non_empty(low, high)
    y_labels = [label[: columns // 2] for label in y_labels]
    left = max(map(len, y_labels)) + 1
    canvas = (columns - left, rows - AXIS_ROWS)
    characters, owners = np.full(canvas[::-1], BLANK), np.zeros(canvas[::-1], dtype=np.int64)
    for number, one in enumerate(series):
        inside = (one.x >= first) & (one.x <= last)
        x, y = one.x[inside], one.y[inside]
        if one.marker is None:
            x, y = decimate_with_gaps(x, y, columns)
        x, y = (x - first) / (last - first), (np.clip(y, low, high) - low) / (high - low)
        cells = line_cells(x, y, *canvas) if one.marker is None else point_cells(x, y, *canvas, one.marker)
        drawn = cells != BLANK
        characters[drawn], owners[drawn] = cells[drawn], number
    layers = [(one.colour, np.where(owners == number, characters, BLANK)) for number, one in enumerate(series)]
    x_values = [tick for tick in nice_ticks(first, last, max(2, min(9, columns // 12))) if first <= tick <= last]
    x_labels = [axes.format_x(tick, decimals(x_values)) for tick in x_values]
    x_shares = [(tick - first) / (last - first) for tick in x_values]
    y_shares = [min(1.0, max(0.0, (tick - low) / (high - low))) for tick in y_values]
    tick_columns, _ = cells_of(x_shares, [0.0], *canvas)
    _, tick_rows = cells_of([0.0], y_shares, *canvas)
    x_ticks = ([column / (canvas[0] - 1) for column in tick_columns], x_labels)
    y_ticks = ([1 - row / (canvas[1] - 1) for row in tick_rows], y_labels)
    ansi = _compose(layers, axes, x_ticks, y_ticks, columns, rows)
    return Plot([Text.from_ansi(line) for line in ansi.splitlines()], left, canvas[0], (low, high))


def _compose(
    layers: list[tuple[RGB, Cells]], axes: Axes, x_ticks: Ticks, y_ticks: Ticks, columns: int, rows: int
) -> str:
    """Let plotext put coloured cells, shape (canvas rows, canvas columns) each, between the axes."""
    import plotext

    with _FIGURE:
        plotext.clear_figure()
        plotext.limit_size(False, False)  # not limited to the terminal that plotext finds
        plotext.plot_size(columns, rows)
        plotext.canvas_color(axes.background)
        plotext.axes_color(axes.background)
        plotext.ticks_color(axes.ticks)
        plotext.xaxes(True, False)
        plotext.yaxes(True, False)
        plotext.xlim(0, 1)
        plotext.ylim(0, 1)
        plotext.xticks(*x_ticks)
        plotext.yticks(*y_ticks)
        plotext.scatter([0.0], [0.0], marker=" ", color=axes.background)  # without a point there are no ticks
        for colour, cells in layers:
            down, across = np.nonzero(cells != BLANK)
            if down.size:
                x, y = across / max(1, cells.shape[1] - 1), 1 - down / max(1, cells.shape[0] - 1)
                markers = [chr(character) for character in cells[down, across].tolist()]
                plotext.scatter(x.tolist(), y.tolist(), marker=markers, color=colour)
        return str(plotext.build())


def decimate(x: Numbers, y: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """Keep the minimum and the maximum of each column, in their order, and drop values that are not finite.

    Args:
        x, y: shape (n,), x ascending.

    Returns:
        Two arrays of shape (m,), m <= max(n, 2 * columns).
    """
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) <= 2 * columns or x[-1] <= x[0]:
        return x, y
    bucket = np.clip((x - x[0]) * (columns / (x[-1] - x[0])), 0, columns - 1).astype(np.int64)
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    # sorted by bucket and then by y, a bucket begins with its minimum and ends with its maximum
    order = np.lexsort((y, bucket))
    ends = np.append(starts[1:], len(x)) - 1
    picked = np.unique(np.concatenate([order[starts], order[ends]]))
    return x[picked], y[picked]


def decimate_with_gaps(x: Numbers, y: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """Decimate, and put a NaN between two columns if a value between them was not finite."""
    few_x, few_y = decimate(x, y, columns)
    gaps = x[~np.isfinite(y)]
    if not gaps.size or few_x.size < 2:
        return few_x, few_y
    width = (few_x[-1] - few_x[0]) / columns
    column = np.floor((few_x - few_x[0]) / width) if width > 0 else np.zeros_like(few_x)
    has_gap = np.diff(np.searchsorted(gaps, few_x)) > 0
    is_decimated = few_x.size < np.isfinite(y).sum()
    places = np.flatnonzero(has_gap & ((np.diff(column) > 0) | (not is_decimated))) + 1
    return np.insert(few_x, places, few_x[places]), np.insert(few_y, places, np.nan)


def y_range(series: list[Series]) -> tuple[float, float]:
    """Return the range of all points, and of all lines without their outliers, with a margin."""
    lows, highs = [], []
    for one in series:
        values = one.y[np.isfinite(one.y)]
        if values.size:
            lows.append(float(np.quantile(values, OUTLIER_SHARE) if one.outliers == "low" else values.min()))
            highs.append(float(np.quantile(values, 1 - OUTLIER_SHARE) if one.outliers == "high" else values.max()))
    if not lows:
        return 0.0, 1.0
    low, high = min(lows), max(highs)
    margin = (high - low) * 0.04 if high - low > abs(high) * 1e-12 else abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def _drawable(one: Series, log: bool) -> Series:
    """Sort by x, drop unknown x, and turn y into what is drawn: its logarithm, or the value within LARGEST."""
    known = np.isfinite(one.x)
    x, y = np.clip(one.x[known], -LARGEST, LARGEST), np.where(np.isfinite(one.y), one.y, np.nan)[known]
    if (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    y = np.log10(np.where(y > 0, y, np.nan)) if log else np.clip(y, -LARGEST, LARGEST)
    return replace(one, x=x, y=y)


def _y_axis(series: list[Series], axes: Axes, rows: int) -> tuple[float, float, list[float], list[str]]:
    """Return the values at both edges of the canvas, the ticks and their labels."""
    low, high = y_range(series)
    most = min(7, max(3, rows // 2))
    if not axes.log:
        low, high = max(low, axes.y_bounds[0]), min(high, axes.y_bounds[1])
        low, high, ticks = row_ticks(low, high, rows, most, axes.y_bounds)
        return low, high, ticks, [axes.format_y(value, decimals(ticks)) for value in ticks]
    if axes.y_bounds[1] > 0:
        high = min(high, math.log10(axes.y_bounds[1]))
    values = log_ticks(10.0 ** max(low, -300.0), 10.0 ** min(high, 300.0), most)
    exponents = [math.log10(value) for value in values]
    if len(values) > 1 and all(abs(each - round(each)) < 1e-9 for each in exponents):  # evenly spaced powers of ten
        low, high, exponents = row_ticks(low, high, rows, most, (-300, 300), least=1)
        values = [10.0**exponent for exponent in exponents]
    if any(high - low >= 1 for low, high in pairwise(exponents)):
        places = [decimals([value]) for value in values]
    else:
        places = [max(decimals(list(pair)) for pair in pairwise(values))] * len(values) if values[1:] else [3]
    return low, high, exponents, list(map(axes.format_y, values, places))


def _non_empty(low: float, high: float) -> tuple[float, float]:
    """Return the limits, widened if there is no number between them."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    return (low, high) if high - low > abs(low) * 1e-15 + 1e-300 else (low, low + max(1.0, abs(low) * 1e-9))

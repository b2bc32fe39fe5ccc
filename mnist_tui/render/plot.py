"""Series -> a plot in terminal cells, by plotext. Pure: a private figure each time, nothing global.

plotext's cost grows with its points and with the dots of its lines (1.7 s for 50,000 points, 25 ms for a full envelope
in 57x18 cells), so every series is reduced to at most two points a column first: the least and the greatest of what
falls into it, which keeps every spike. The lines' cells are then made by numpy, and plotext sets them among its axes.
All in shares of the axes, 0..1: no number is too large.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnist_tui.render.raster import BLANK, line_cells, point_cells
from mnist_tui.render.ticks import decimals, log_ticks, nice_ticks

Rgb = tuple[int, int, int]
Numbers = NDArray[np.float64]
AXIS_ROWS = 2
"""Rows that the x axis and its numbers take."""
FRAMED_OUT = 0.02
"""Share of a line's worst values that the y range may leave out: the first steps' huge losses."""
LARGEST = 1e300
"""What is beyond it is drawn there: sums and differences stay finite."""


@dataclass(frozen=True)
class Series:
    """Points to draw: x and y of shape (n,). What is not finite in y is a gap.

    `marker` is "braille" for a line of dots, or one character for separate points. `worst` says on which side a line's
    rare bad values lie, which the y range may leave out.
    """

    x: Numbers
    y: Numbers
    colour: Rgb
    marker: str = "braille"
    worst: Literal["high", "low"] | None = None

    @property
    def is_line(self) -> bool:
        """Whether neighbouring points are joined."""
        return self.marker == "braille"


@dataclass(frozen=True)
class Axes:
    """How numbers are written on the axes, and the colours of ticks and canvas. `y_bounds`: what y can never leave."""

    format_x: Callable[[float, int], str]
    format_y: Callable[[float, int], str]
    """(value, decimals that tell it from its neighbours) -> words."""
    ticks: Rgb
    background: Rgb
    x_limits: tuple[float, float]
    y_bounds: tuple[float, float] = (-math.inf, math.inf)
    log: bool = False
    """Whether y is drawn by its logarithm; zero and negative values are left out then."""


def decimate(x: Numbers, y: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """At most two points a column, the least and the greatest, in the order in which they come; NaNs are left out.

    Shapes (n,) -> (m,) with m <= 2 * columns. A column that holds nothing but NaN stays empty.
    """
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) <= 2 * columns or x[-1] <= x[0]:
        return x, y
    bucket = np.clip((x - x[0]) * (columns / (x[-1] - x[0])), 0, columns - 1).astype(np.int64)
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    # sorted by bucket and then by y, a bucket begins with its least point and ends with its greatest
    order = np.lexsort((y, bucket))
    ends = np.append(starts[1:], len(x)) - 1
    picked = np.unique(np.concatenate([order[starts], order[ends]]))
    return x[picked], y[picked]


def smooth(values: Numbers, weight: float) -> Numbers:
    """Exponential moving average, corrected for its start; NaNs are passed over. Shape (n,) -> (n,).

    Computed in blocks, since numpy has no recursion: each block's powers stay within float64.
    """
    if weight <= 0:
        return values.copy()
    filled = np.where(np.isfinite(values), values, 0.0)
    counted = np.isfinite(values).astype(float)
    block = max(1, int(np.log(1e-100) / np.log(weight)))
    total, norm = np.empty_like(filled), np.empty_like(filled)
    carry_total = carry_norm = 0.0
    for start in range(0, len(values), block):
        part = slice(start, start + block)
        powers = weight ** np.arange(1, len(filled[part]) + 1)
        total[part] = powers * (carry_total + np.cumsum(filled[part] / powers))
        norm[part] = powers * (carry_norm + np.cumsum(counted[part] / powers))
        carry_total, carry_norm = total[part][-1], norm[part][-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(norm > 0, total / norm, np.nan)


def y_range(series: list[Series]) -> tuple[float, float]:
    """The range that shows the curves well: all the points (marked ones whole), lines without their rarest peaks."""
    lows, highs = [], []
    for one in series:
        values = one.y[np.isfinite(one.y)]
        if values.size:
            lows.append(float(values.min()))
            highs.append(float(values.max()))
            if one.worst == "high":
                highs[-1] = float(np.quantile(values, 1 - FRAMED_OUT))
            elif one.worst == "low":
                lows[-1] = float(np.quantile(values, FRAMED_OUT))
    if not lows:
        return 0.0, 1.0
    low, high = min(lows), max(highs)
    margin = (high - low) * 0.04 if high - low > abs(high) * 1e-12 else abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def with_gaps(x: Numbers, y: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """`decimate`, with a NaN wherever one was passed over on the way from one column to the next."""
    few_x, few_y = decimate(x, y, columns)
    broken = x[~np.isfinite(y)]
    if not broken.size or few_x.size < 2:
        return few_x, few_y
    width = (few_x[-1] - few_x[0]) / columns
    between = np.diff(np.searchsorted(broken, few_x)) > 0
    apart = np.floor((few_x - few_x[0]) / width) if width > 0 else np.zeros_like(few_x)
    places = np.flatnonzero(between & ((np.diff(apart) > 0) | (few_x.size == np.isfinite(y).sum()))) + 1
    return np.insert(few_x, places, few_x[places]), np.insert(few_y, places, np.nan)


def _drawable(one: Series, log: bool) -> Series:
    """The series with x ascending and finite, and y as it is drawn: its logarithm, or clipped to what can be summed."""
    known = np.isfinite(one.x)
    x, y = (one.x, one.y) if known.all() else (one.x[known], one.y[known])
    x = np.clip(x, -LARGEST, LARGEST)
    if x.size > 1 and (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    if log:
        with np.errstate(invalid="ignore", divide="ignore"):
            y = np.where(y > 0, np.log10(y), np.nan)
    else:
        y = np.where(np.isfinite(y), np.clip(y, -LARGEST, LARGEST), np.nan)
    return replace(one, x=x, y=y)


def _y_axis(series: list[Series], axes: Axes, most: int) -> tuple[float, float, list[float], list[str]]:
    """Limits, ticks and their words, of what is drawn. Limits snap to half ticks: they stand still as curves creep."""
    low, high = y_range(series)
    if axes.log:
        if axes.y_bounds[1] > 0:
            high = min(high, math.log10(axes.y_bounds[1]))
        values = log_ticks(10.0 ** max(low, -300.0), 10.0 ** min(high, 300.0), most)
        if any(high - low >= 1 for low, high in pairwise(map(math.log10, values))):
            places = [decimals([value]) for value in values]
        else:
            places = [max(decimals(list(pair)) for pair in pairwise(values))] * len(values) if values[1:] else [3]
        return low, high, [math.log10(value) for value in values], list(map(axes.format_y, values, places))
    bounds = axes.y_bounds
    low, high = max(low, bounds[0]), min(high, bounds[1])
    ticks = nice_ticks(low, high, most)
    if len(ticks) > 1:
        snap = (ticks[1] - ticks[0]) / 2
        low = max(bounds[0], math.floor(low / snap + 1e-9) * snap)
        high = min(bounds[1], math.ceil(high / snap - 1e-9) * snap)
        ticks = nice_ticks(low, high, most)
    return low, high, ticks, [axes.format_y(value, decimals(ticks)) for value in ticks]


def _sane(low: float, high: float) -> tuple[float, float]:
    """Limits between which there is something."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    return (low, high) if high - low > abs(low) * 1e-15 + 1e-300 else (low, low + max(1.0, abs(low) * 1e-9))


def draw(series: list[Series], axes: Axes, columns: int, rows: int) -> str:
    """The plot as `rows` lines with ANSI colours; an empty string where there is no room for one."""
    from plotext._figure import _figure_class

    if columns < 12 or rows < AXIS_ROWS + 2:
        return ""
    first, last = _sane(*axes.x_limits)
    series = [_drawable(one, axes.log) for one in series]
    low, high, y_ticks, y_words = _y_axis(series, axes, max(2, min(7, (rows - AXIS_ROWS) // 2)))
    low, high = _sane(low, high)
    y_words = [words[: columns // 2] for words in y_words]
    left = max(map(len, y_words)) + 1
    room = (columns - left, rows - AXIS_ROWS)
    letters, colours = np.full(room[::-1], BLANK), np.zeros(room[::-1], dtype=np.int64)
    for number, one in enumerate(series):
        inside = (one.x >= first) & (one.x <= last)
        x, y = with_gaps(one.x[inside], one.y[inside], columns) if one.is_line else (one.x[inside], one.y[inside])
        points = (x - first) / (last - first), (np.clip(y, low, high) - low) / (high - low)
        cells = line_cells(*points, *room) if one.is_line else point_cells(*points, *room, one.marker)
        touched = cells != BLANK
        letters[touched], colours[touched] = cells[touched], number
    figure = _figure_class()
    figure._limit_size(False, False)  # plotext would not draw beyond what it takes for the terminal of this process
    figure.plot_size(columns, rows)
    figure.canvas_color(axes.background)
    figure.axes_color(axes.background)
    figure.ticks_color(axes.ticks)
    figure.xaxes(True, False)
    figure.yaxes(True, False)
    for number, one in enumerate(series):
        down, across = np.nonzero((letters != BLANK) & (colours == number))
        if down.size:
            x, y = across / max(1, room[0] - 1), 1 - down / max(1, room[1] - 1)
            markers = [chr(letter) for letter in letters[down, across].tolist()]
            figure.scatter(x.tolist(), y.tolist(), marker=markers, color=one.colour)
    figure.ylim(0, 1)
    figure.xlim(0, 1)
    x_ticks = [tick for tick in nice_ticks(first, last, max(2, min(9, columns // 12))) if first <= tick <= last]
    y_shares = [min(1.0, max(0.0, (tick - low) / (high - low))) for tick in y_ticks]
    figure.yticks(y_shares, y_words)
    figure.xticks(
        [(tick - first) / (last - first) for tick in x_ticks],
        [axes.format_x(tick, decimals(x_ticks)) for tick in x_ticks],
    )
    return str(figure.build())


@dataclass(frozen=True)
class Sign:
    """Something to be marked on the x axis: one character, and how much it outweighs others in the same cell."""

    x: float
    letter: str
    colour: Rgb
    weight: int = 0


def place_signs(signs: Iterable[Sign], x_limits: tuple[float, float], axis: str) -> dict[int, Sign]:
    """Which cells of the axis line of a drawn plot (without its colours) get which sign: the weightiest, then the last.

    Signs beyond the axis are left out.
    """
    left, (first, last) = axis.find("└") + 1, x_limits
    columns = len(axis) - left
    if not left or columns < 1 or last <= first:
        return {}
    placed: dict[int, Sign] = {}
    for sign in signs:
        if not first <= sign.x <= last:
            continue
        column = left + round((sign.x - first) / (last - first) * (columns - 1))
        if column not in placed or sign.weight >= placed[column].weight:
            placed[column] = sign
    return placed

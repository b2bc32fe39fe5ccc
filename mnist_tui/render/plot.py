"""Series -> a plot in terminal cells, by plotext. Pure: a private figure each time, nothing global.

plotext's cost grows with its points (1.7 s for 50,000), so every series is reduced to at most two points a column
first: the least and the greatest of what falls into it, which keeps every spike.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[int, int, int]
Numbers = NDArray[np.float64]
AXIS_ROWS = 2
"""Rows that the x axis and its numbers take."""
FRAMED_OUT = 0.02
"""Share of a line's worst values that the y range may leave out: the first steps' huge losses."""


@dataclass(frozen=True)
class Series:
    """Points to draw: x and y of shape (n,), x ascending. NaNs in y are gaps.

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


def decimate(x: Numbers, y: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """At most two points a column, the least and the greatest, in the order in which they come; NaNs are left out.

    Shapes (n,) -> (m,) with m <= 2 * columns. A column that holds nothing but NaN stays empty.
    """
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) <= 2 * columns or x[-1] <= x[0]:
        return x, y
    bucket = np.minimum((x - x[0]) * (columns / (x[-1] - x[0])), columns - 1).astype(np.int64)
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
    margin = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round numbers within a range, evenly apart by 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / max(1, most)
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 5, 10, 20):
        step = factor * power
        first = math.ceil(low / step - 1e-9)
        ticks = [(first + place) * step for place in range(math.floor(high / step + 1e-9) - first + 1)]
        if len(ticks) <= most:
            break
    return ticks or [low]


def decimals(ticks: list[float]) -> int:
    """How many decimals tell neighbouring ticks apart."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(ticks[0]) or 1.0
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _y_axis(series: list[Series], bounds: tuple[float, float], most: int) -> tuple[float, float, list[float]]:
    """Limits and ticks. The limits snap to half ticks, so that they stand still while the curve creeps."""
    low, high = y_range(series)
    low, high = max(low, bounds[0]), min(high, bounds[1])
    ticks = nice_ticks(low, high, most)
    if len(ticks) > 1:
        snap = (ticks[1] - ticks[0]) / 2
        low = max(bounds[0], math.floor(low / snap + 1e-9) * snap)
        high = min(bounds[1], math.ceil(high / snap - 1e-9) * snap)
        ticks = nice_ticks(low, high, most)
    return low, high, ticks


def draw(series: list[Series], axes: Axes, columns: int, rows: int) -> str:
    """The plot as `rows` lines with ANSI colours; an empty string where there is no room for one."""
    from plotext._figure import _figure_class

    if columns < 12 or rows < AXIS_ROWS + 2:
        return ""
    low, high, y_ticks = _y_axis(series, axes.y_bounds, max(2, min(7, (rows - AXIS_ROWS) // 2)))
    figure = _figure_class()
    figure._limit_size(False, False)  # plotext would not draw beyond what it takes for the terminal of this process
    figure.plot_size(columns, rows)
    figure.canvas_color(axes.background)
    figure.axes_color(axes.background)
    figure.ticks_color(axes.ticks)
    figure.xaxes(True, False)
    figure.yaxes(True, False)
    for one in series:
        x, y = decimate(one.x, one.y, columns)
        if not x.size:
            continue
        paint = figure.plot if one.is_line and x.size > 1 else figure.scatter
        paint(x.tolist(), np.clip(y, low, high).tolist(), marker=one.marker, color=one.colour)
    figure.ylim(low, high)
    figure.xlim(*axes.x_limits)
    x_ticks = nice_ticks(*axes.x_limits, max(2, min(9, columns // 12)))
    figure.yticks(y_ticks, [axes.format_y(value, decimals(y_ticks)) for value in y_ticks])
    figure.xticks(x_ticks, [axes.format_x(value, decimals(x_ticks)) for value in x_ticks])
    return str(figure.build())

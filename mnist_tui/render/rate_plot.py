"""The curve of a learning-rate range test: loss over the learning rate, on a logarithmic axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from mnist_tui.render.images import RGB
from mnist_tui.render.plot import Axes, Series, draw
from mnist_tui.render.raster import Numbers
from mnist_tui.render.ticks import tick_label

HEADROOM = 1.25
"""Top of the y axis, in multiples of the smoothed loss at the lowest rates: an explosion would flatten all else."""
FIRST_STEPS = 20
EXPONENT_BELOW = -3
"""Powers of ten below this one are written as 1e-5."""


@dataclass(frozen=True)
class RateColours:
    """Colours of the curve."""

    losses: RGB
    smoothed: RGB
    suggested: RGB
    ticks: RGB
    background: RGB


def draw_rates(
    rates: Sequence[float],
    losses: Sequence[float],
    means: Numbers,
    limits: tuple[float, float],
    suggested: float | None,
    colours: RateColours,
    columns: int,
    rows: int,
) -> list[Text]:
    """Draw each step's loss as a dot, the smoothed loss as a line, and the suggested rate as an upright.

    Args:
        rates: Learning rates, ascending.
        losses: Loss at each of them; one that is not finite is left out.
        means: Smoothed losses.
        limits: First and last rate of the axis.
        suggested: Suggested rate, if there is one.
        colours: Colours of the curve.
        columns, rows: Size; too small a one has no lines.
    """
    x, y = np.log10(np.asarray(rates, dtype=float)), np.asarray(losses, dtype=float)
    first = means[:FIRST_STEPS][np.isfinite(means[:FIRST_STEPS])]
    top = HEADROOM * float(first.max()) if first.size else 1.0
    inside = np.where(y <= top, y, np.nan)
    series = [Series(x, inside, colours.losses, "·"), Series(x, np.minimum(means, top), colours.smoothed)]
    if suggested is not None:
        upright = np.linspace(float(np.nanmin(means)), top / HEADROOM, max(2, 2 * rows))
        series.insert(0, Series(np.full(upright.size, np.log10(suggested)), upright, colours.suggested, "│"))
    low, high = (float(np.log10(each)) for each in limits)
    axes = Axes(_power, tick_label, colours.ticks, colours.background, (low, high), (0.0, np.inf))
    plot = draw(series, axes, columns, rows)
    return plot.lines if plot is not None else []


def _power(exponent: float, _: int) -> str:
    return f"1e{exponent:.0f}" if exponent < EXPONENT_BELOW else f"{10.0**exponent:g}"

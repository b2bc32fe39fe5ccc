"""What was read of the runs -> the series of one plot, in the order in which they are drawn over each other. Pure."""

from dataclasses import replace
from typing import Literal

import numpy as np

from mnist_tui.metrics import Metric
from mnist_tui.render.plot import Numbers, Rgb, Series
from mnist_tui.ui.plots.data import PlotPoints, Validated
from mnist_tui.ui.plots.legend import BEST_SIGN, VALIDATION_SIGN
from mnist_tui.ui.plots.run_styles import RunSign
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.theme import Palette

FAINT = 0.38
"""How much of its colour an envelope has."""
SIGNS_ALONG = 4
"""How often a line without validated epochs carries its run's marker."""
CLOSEST = 40
"""Markers of one run that an axis has room for."""


def _worst(metric: Metric) -> Literal["high", "low"] | None:
    if metric.higher_is_better is None:
        return None
    return "low" if metric.higher_is_better else "high"


def own_series(
    metric: Metric, data: PlotPoints | None, points: Validated | None, view: PlotView, colours: Palette
) -> tuple[list[Series], list[Series]]:
    """The run whose plot it is: what others may be drawn over (its envelope), and what is drawn over them."""
    below: list[Series] = []
    above: list[Series] = []
    alone = view.validation_alone and points is not None
    if data is not None and not alone:
        worst = _worst(metric)
        x, y = np.repeat(data.x, 2), np.column_stack([data.low, data.high]).ravel()
        if worst is None or view.smoothing == "off":
            above.append(Series(x, y, colours.train.rgb, worst=worst))
        else:
            faint = colours.background.blend(colours.train, FAINT)
            below.append(Series(x, y, faint.rgb, worst=worst))
            above.append(Series(data.x, data.smoothed, colours.train.rgb, worst=worst))
    if points is not None:
        if alone:
            above.append(Series(points.x, points.y, colours.validation.rgb))
        marked = Series(points.x, points.y, colours.validation.rgb, VALIDATION_SIGN)
        best = replace(marked, x=points.x[points.is_best], y=points.y[points.is_best], marker=BEST_SIGN)
        above += [marked, best]
    return below, above


def other_series(
    metric: Metric,
    data: PlotPoints | None,
    points: Validated | None,
    view: PlotView,
    scale: Scale,
    sign: RunSign,
    colour: Rgb,
) -> tuple[list[Series], list[Series]]:
    """Another run: its lines, and its markers, which no line may cover.

    Without smoothing its line is the mean of each stretch: the envelopes of many runs would only hide each other.
    """
    if view.validation_alone and points is not None:
        line = Series(points.x, points.y, colour)
    elif data is not None:
        line = Series(data.x, data.smoothed, colour, worst=_worst(metric))
    else:
        return [], []
    if points is not None and points.x.size:
        x, y = _thinned(points)
    else:
        x, y = _along(line, scale, sign.slot)
    return [line], [Series(x, y, colour, sign.marker)]


def _thinned(points: Validated) -> tuple[Numbers, Numbers]:
    """The best epoch, the newest, and of the others as many as can be told apart."""
    every = -(-points.x.size // CLOSEST)
    chosen = points.is_best | (np.arange(points.x.size)[::-1] % every == 0)
    return points.x[chosen], points.y[chosen]


def _along(line: Series, scale: Scale, slot: int) -> tuple[Numbers, Numbers]:
    """A few points of a line at which to put a marker; the runs' markers begin at different places."""
    known = np.flatnonzero(np.isfinite(line.y))
    if not known.size:
        return line.x[:0], line.y[:0]
    first, last = scale.limits
    shares = (np.arange(SIGNS_ALONG) + (slot % SIGNS_ALONG + 0.5) / SIGNS_ALONG) / SIGNS_ALONG
    places = np.minimum(np.searchsorted(line.x[known], first + shares * (last - first)), known.size - 1)
    chosen = known[np.unique(np.append(places, known.size - 1))]
    return line.x[chosen], line.y[chosen]

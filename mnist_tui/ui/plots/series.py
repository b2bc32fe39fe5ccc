"""Curves and points of runs as the series of one plot, in the order in which they are drawn."""

from dataclasses import replace
from typing import Literal

import numpy as np

from mnist_tui.metrics import Metric
from mnist_tui.render.images import RGB
from mnist_tui.render.plot import Series
from mnist_tui.render.raster import Numbers
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.data import MetricCurve, RollingPoints, ValidationPoints, read_at, read_curve
from mnist_tui.ui.plots.legend import BEST_MARKER, ROLLING_MARKER, TRAIN_MARKER, VALIDATION_MARKER, LegendEntry
from mnist_tui.ui.plots.overlay import RunStyle
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.theme import Palette

MARKERS_PER_LINE = 4
"""Markers on the line of a run without validated epochs."""
MAX_MARKERS = 40
"""Markers of one run that can be told apart."""
MAX_GPUS = 8
"""Lines of GPUs that can be told apart."""


def own_series(
    metric: Metric,
    curve: MetricCurve | None,
    points: ValidationPoints | None,
    rolling: RollingPoints | None,
    view: PlotView,
    colours: Palette,
) -> tuple[list[Series], list[Series]]:
    """Return the series of the plot's own run: below other runs (its envelope), and above them."""
    below: list[Series] = []
    above: list[Series] = []
    validation_only = view.validation_only and points is not None
    if curve is not None and not validation_only:
        outliers = _outliers(metric)
        x, y = np.repeat(curve.x, 2), np.column_stack([curve.low, curve.high]).ravel()
        if outliers is None or view.smoothing == "off":
            above.append(Series(x, y, colours.train.rgb, outliers=outliers))
        else:
            if colours.envelope != colours.train:  # which would hide the curve
                below.append(Series(x, y, colours.envelope.rgb, outliers=outliers))
            above.append(Series(curve.x, curve.smoothed, colours.train.rgb, outliers=outliers))
    if rolling is not None:
        below, above = below + _intervals(rolling, colours), above + _rolling_markers(rolling, validation_only, colours)
    if points is not None:
        if validation_only:
            above.append(Series(points.x, points.y, colours.validation.rgb))
        epochs = Series(points.x, points.y, colours.validation.rgb, VALIDATION_MARKER)
        best = replace(epochs, x=points.x[points.is_best], y=points.y[points.is_best], marker=BEST_MARKER)
        above += [epochs, best]
    return below, above


def _intervals(rolling: RollingPoints, colours: Palette) -> list[Series]:
    """Return the intervals as upright lines."""
    gaps = np.full_like(rolling.x, np.nan)
    y = np.column_stack([rolling.low, rolling.high, gaps]).ravel()
    return [Series(np.repeat(rolling.x, 3), y, colours.quiet.rgb, widens=False)]


def _rolling_markers(rolling: RollingPoints, widens: bool, colours: Palette) -> list[Series]:
    """Return the markers. The first ones, of a model that knows nothing yet, need not be within the y range."""
    older = Series(rolling.x[:-1], rolling.y[:-1], colours.validation.rgb, ROLLING_MARKER, widens=widens)
    return [older, replace(older, x=rolling.x[-1:], y=rolling.y[-1:], widens=True)]


def overlay_series(
    metric: Metric,
    curve: MetricCurve | None,
    points: ValidationPoints | None,
    view: PlotView,
    scale: Scale,
    style: RunStyle,
    colour: RGB,
) -> tuple[list[Series], list[Series]]:
    """Return the lines of another run, and its markers, which no line may cover.

    Without smoothing its line is the mean of each bucket: the envelopes of several runs would hide each other.
    """
    if view.validation_only and points is not None:
        line = Series(points.x, points.y, colour)
    elif curve is not None:
        line = Series(curve.x, curve.smoothed, colour, outliers=_outliers(metric))
    else:
        return [], []
    x, y = _thinned(points) if points is not None and points.x.size else _along(line, scale, style.slot)
    return [line], [Series(x, y, colour, style.marker)]


def _outliers(metric: Metric) -> Literal["high", "low"] | None:
    if metric.higher_is_better is None:
        return None
    return "low" if metric.higher_is_better else "high"


def _thinned(points: ValidationPoints) -> tuple[Numbers, Numbers]:
    """Keep the best epoch, the newest, and of the others as many as can be told apart."""
    every = -(-points.x.size // MAX_MARKERS)
    chosen = points.is_best | (np.arange(points.x.size)[::-1] % every == 0)
    return points.x[chosen], points.y[chosen]


def _along(line: Series, scale: Scale, slot: int) -> tuple[Numbers, Numbers]:
    """Return points of a line for its run's markers, at other positions for each slot, and the line's end."""
    known = np.flatnonzero(np.isfinite(line.y))
    if not known.size:
        return line.x[:0], line.y[:0]
    first, last = scale.limits
    shares = (np.arange(MARKERS_PER_LINE) + (slot % MARKERS_PER_LINE + 0.5) / MARKERS_PER_LINE) / MARKERS_PER_LINE
    places = np.minimum(np.searchsorted(line.x[known], first + shares * (last - first)), known.size - 1)
    chosen = known[np.unique(np.append(places, known.size - 1))]
    return line.x[chosen], line.y[chosen]


def extra_gpu_series(
    history: History, metric: Metric, view: PlotView, scale: Scale, columns: int, variables: dict[str, str]
) -> list[Series]:
    """Return one line for each GPU beyond the first, if the metric is of a GPU."""
    found = []
    for gpu in _extra_gpus(history, metric):
        curve = read_curve(history, metric, view, scale, columns, gpu)
        if curve is not None:
            found.append(Series(curve.x, curve.smoothed, RunStyle(gpu).colour(variables).rgb))
    return found


def gpu_legend(history: History, metric: Metric, step: int) -> list[LegendEntry]:
    """Return the entries of all GPUs, with their values at a step; none if the metric has one curve."""
    extra = _extra_gpus(history, metric)
    return [
        LegendEntry(
            RunStyle(gpu).variable if gpu else "train",
            TRAIN_MARKER,
            str(gpu),
            metric.format(read_at(history, metric, step, gpu).value),
        )
        for gpu in ((0, *extra) if extra else ())
    ]


def _extra_gpus(history: History, metric: Metric) -> range:
    if not metric.is_of_gpu or history.hardware is None:
        return range(0)
    return range(1, min(MAX_GPUS, len(history.hardware.gpus)))

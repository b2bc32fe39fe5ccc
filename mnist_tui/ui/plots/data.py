"""Curves, validation points and values at the cursor, read from the history of a run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.metrics import Metric
from mnist_tui.render.raster import Numbers
from mnist_tui.runs.history import History
from mnist_tui.runs.pyramid import Buckets
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.plots.view import PlotView, smoothing_weight

BUCKETS_PER_COLUMN = 4
"""At most; at least half as many."""
PAUSE_SECONDS = 1.0
"""Seconds without training from which the wall-clock axis has a gap."""
WARM_UP_SPANS = 4
"""Smoothing of a window begins before it, by this many of its spans."""


@dataclass(frozen=True, eq=False)
class MetricCurve:
    """A metric in a window, scaled, all arrays of shape (m,); NaN where no value is finite."""

    x: Numbers
    """Positions on the x axis."""
    low: Numbers
    high: Numbers
    smoothed: Numbers
    nonfinite: Numbers
    """Positions of values that are not finite."""
    nonfinite_count: int
    """Values of the whole run that are not finite."""
    nonpositive_count: int
    """Values of the window that a logarithmic axis leaves out; 0 on a linear one."""


@dataclass(frozen=True, eq=False)
class ValidationPoints:
    """A metric's validation values in a window, scaled, all arrays of shape (n,)."""

    x: Numbers
    y: Numbers
    is_best: NDArray[np.bool_]
    """True for the epoch with the highest validation accuracy."""
    nonfinite_count: int
    """Validation values of the whole run that are not finite."""

    @property
    def nonfinite(self) -> Numbers:
        """Positions of values that are not finite."""
        return self.x[~np.isfinite(self.y)]


def read_curve(
    history: History, metric: Metric, view: PlotView, scale: Scale, columns: int, gpu: int = 0
) -> MetricCurve | None:
    """Read the curve of a metric for a plot of `columns` columns; None if nothing was recorded."""
    curve = history.curve(metric, gpu)
    steps, values, pyramid = curve.steps, curve.values, curve.pyramid
    if not steps.size:
        return None
    weight = smoothing_weight(view.smoothing, min(scale.window[1], history.last_step) - scale.window[0])
    first, last = int(np.searchsorted(steps, scale.window[0])), int(np.searchsorted(steps, scale.window[1], "right"))
    warm_up = int(WARM_UP_SPANS / (1 - weight)) if weight else 0
    buckets = pyramid.buckets(values, max(0, first - warm_up), last, BUCKETS_PER_COLUMN * max(1, columns))
    smoothed = smooth_buckets(buckets, weight)
    x = scale.positions(history, steps[buckets.middles])
    inside = buckets.starts + buckets.sizes > first
    low, high, line = (part[inside] * metric.scale for part in (buckets.low, buckets.high, smoothed))
    nonpositive = int(np.count_nonzero(values[first:last] <= 0)) if view.log else 0
    nonfinite = x[inside & (buckets.broken > 0)]
    x = x[inside]
    if scale.axis == "clock":
        places = pauses(history, steps[buckets.middles][inside])
        between = (x[places - 1] + x[places]) / 2
        x = np.insert(x, places, between)
        low, high, line = (np.insert(part, places, np.nan) for part in (low, high, line))
    return MetricCurve(x, low, high, line, nonfinite, pyramid.broken(values), nonpositive)


def pauses(history: History, steps: Numbers) -> NDArray[np.intp]:
    """Return the indices into ascending steps, shape (n,), that follow a pause or downtime."""
    lost = history.elapsed_at(steps) - history.worked_at(steps)
    return np.flatnonzero(np.diff(lost) > PAUSE_SECONDS) + 1


def read_validation(history: History, metric: Metric, scale: Scale) -> ValidationPoints | None:
    """Read the validation points of a metric; None for a metric without validation."""
    if not metric.is_validated:
        return None
    steps, values = history.validation(metric.key)
    best = history.best_epoch
    is_best = np.array([epoch is best for epoch in history.epochs], dtype=bool)
    inside = (steps >= scale.window[0]) & (steps <= scale.window[1])
    positions = scale.positions(history, steps)
    nonfinite = int(np.count_nonzero(~np.isfinite(values)))
    return ValidationPoints(positions[inside], values[inside] * metric.scale, is_best[inside], nonfinite)


def smooth_buckets(buckets: Buckets, weight: float) -> Numbers:
    """Return the bias-corrected exponential moving average of buckets; NaN for a bucket without finite values.

    Only the mean of a bucket is known: it counts once for each value. Exact for buckets of one value.
    """
    total = norm = 0.0
    averages = []
    finite = buckets.sizes - buckets.broken
    for mean, size, count in zip(buckets.mean.tolist(), buckets.sizes.tolist(), finite.tolist(), strict=True):
        total, norm = total * weight**size, norm * weight**size
        if count:
            share = 1 - weight**count
            total, norm = total + share * mean, norm + share
        averages.append(total / norm if count and norm else np.nan)
    return np.array(averages, dtype=float)


@dataclass(frozen=True)
class MetricReading:
    """A metric's recorded values near a step, neither smoothed nor scaled; None where there is none."""

    step: int | None = None
    """The nearest step with a recorded value."""
    value: float | None = None
    validation: float | None = None
    epoch: int | None = None
    """The epoch of the validation, whose end is nearest to the step."""


def read_at(history: History, metric: Metric, at: float, gpu: int = 0) -> MetricReading:
    """Read the values nearest to the step `at`; nothing beyond the end of the run."""
    if at > history.last_step + 0.5:
        return MetricReading()
    curve = history.curve(metric, gpu)
    step = value = validation = epoch = None
    if curve.steps.size:
        index = _nearest(curve.steps, at)
        step, value = int(curve.steps[index]), float(curve.values[index])
    if metric.is_validated and history.epochs:
        ends, validations = history.validation(metric.key)
        index = _nearest(ends, at)
        validation, epoch = float(validations[index]), history.epochs[index].epoch
    return MetricReading(step, value, validation, epoch)


def _nearest(steps: Numbers, at: float) -> int:
    after = min(int(np.searchsorted(steps, at)), len(steps) - 1)
    return after - 1 if after and at - steps[after - 1] < steps[after] - at else after

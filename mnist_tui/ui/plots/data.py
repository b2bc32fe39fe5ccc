"""Curves, validation points and values at the cursor, read from the history of a run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.significance import Interval, Z, accuracy_interval
from mnist_tui.events import RollingEvaluated
from mnist_tui.metrics import Metric
from mnist_tui.render.raster import Numbers
from mnist_tui.runs.history import History
from mnist_tui.runs.pyramid import Buckets
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.plots.view import PlotView, smoothing_weight

BUCKETS_PER_COLUMN = 4
"""At most; at least half as many."""
ROLLING_COLUMNS = 2
"""Columns for each rolling evaluation at least, so that their intervals can be told apart."""
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


@dataclass(frozen=True, eq=False)
class RollingPoints:
    """A metric's values in rolling evaluations of a window, scaled, all arrays of shape (n,)."""

    x: Numbers
    y: Numbers
    low: Numbers
    high: Numbers
    """Ends of the 95 % intervals; NaN where there is none."""


def read_rolling(history: History, metric: Metric, scale: Scale, columns: int) -> RollingPoints | None:
    """Read a metric's rolling evaluations for a plot of `columns` columns; None for a metric without validation.

    Where they are dense, the newest of ROLLING_COLUMNS columns is kept.
    """
    if not metric.is_validated:
        return None
    events = [each for each in history.rolling if scale.window[0] <= each.step <= scale.window[1]]
    x = scale.positions(history, np.array([each.step for each in events], dtype=float))
    first, last = scale.limits
    places = np.floor((x - first) / max(last - first, 1e-12) * columns / ROLLING_COLUMNS)
    newest = np.flatnonzero(np.diff(places, append=np.inf))
    values = [(events[each].validation.get(metric.key), *rolling_interval(metric, events[each])) for each in newest]
    y, low, high = np.array(values, dtype=float).reshape(-1, 3).T * metric.scale
    return RollingPoints(x[newest], y, low, high)


def rolling_interval(metric: Metric, event: RollingEvaluated) -> Interval:
    """Return the 95 % interval of a metric in a rolling evaluation, unscaled; NaN for a metric without.

    Of the accuracy it is Wilson's; of the loss, the mean with its standard error, by the central limit theorem. Both
    are about the choice of the images, not about the steps that their predictions are from.
    """
    value, unknown = event.validation.get(metric.key), (np.nan, np.nan)
    if value is None:
        return unknown
    if metric.key == "accuracy":
        return accuracy_interval(value, event.count) or unknown
    if metric.key == "loss" and event.loss_error is not None:
        return max(0.0, value - Z * event.loss_error), value + Z * event.loss_error
    return unknown


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
    rolling: RollingEvaluated | None = None
    """The nearest rolling evaluation."""


def read_at(history: History, metric: Metric, at: float, gpu: int = 0) -> MetricReading:
    """Read the values nearest to the step `at`; nothing beyond the end of the run."""
    if at > history.last_step + 0.5:
        return MetricReading()
    curve = history.curve(metric, gpu)
    step = value = validation = epoch = rolling = None
    if curve.steps.size:
        index = _nearest(curve.steps, at)
        step, value = int(curve.steps[index]), float(curve.values[index])
    if metric.is_validated and history.epochs:
        ends, validations = history.validation(metric.key)
        index = _nearest(ends, at)
        validation, epoch = float(validations[index]), history.epochs[index].epoch
    if metric.is_validated and history.rolling:
        rolling = history.rolling[_nearest(np.array([each.step for each in history.rolling], dtype=float), at)]
    return MetricReading(step, value, validation, epoch, rolling)


def _nearest(steps: Numbers, at: float) -> int:
    after = min(int(np.searchsorted(steps, at)), len(steps) - 1)
    return after - 1 if after and at - steps[after - 1] < steps[after] - at else after

"""History -> what a plot draws of it: a metric's stretches within a window, on the x axis that was chosen. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.metrics import Metric
from mnist_tui.runs.history import History
from mnist_tui.runs.pyramid import Buckets, MinMaxPyramid
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.plots.view import PlotView, smoothing_weight

Numbers = NDArray[np.float64]
ENTRIES_A_COLUMN = 4
"""Stretches that a column of a plot is made of at most; at least half as many."""
PAUSE_SECONDS = 1.0
"""Without work, from which on the clock's axis has a gap."""
WARM_UP = 4
"""The smoothed line of a window begins so many of its spans before it."""


@dataclass(frozen=True, eq=False)
class PlotPoints:
    """One metric in a window: all of shape (m,), on the x axis. Scaled; NaN where nothing is finite."""

    x: Numbers
    low: Numbers
    high: Numbers
    smoothed: Numbers
    broken: Numbers
    """Places on the x axis where values are not finite."""
    all_broken: int
    """How many of the whole run's values are not finite."""
    not_positive: int = 0
    """How many of the values shown a logarithmic axis leaves out; 0 on a linear one."""


class Sampled:
    """The curves of metrics that are sampled now and then, read from the history again only when there are more."""

    def __init__(self, gpu: int = 0) -> None:
        """`gpu` is the one whose figures are read, for a metric that is of one."""
        self._gpu = gpu
        self._of: tuple[object, ...] = ()
        self._curve: tuple[Numbers, Numbers, MinMaxPyramid] | None = None

    def curve(self, history: History, metric: Metric) -> tuple[Numbers, Numbers, MinMaxPyramid]:
        """Steps and values, shape (n,), and the stretches of the values."""
        if metric.source == "steps":
            table = history.steps
            return table.column("step"), table.column(metric.key), table.pyramid(metric.key)
        samples = history.layer_stats if metric.source == "layers" else history.hardware_samples
        of = (samples, len(samples))
        if self._curve is None or self._of[0] is not samples or self._of[1] != len(samples):
            curve = history.curve(metric, self._gpu)
            pyramid = MinMaxPyramid()
            pyramid.extend(curve.values)
            self._of, self._curve = of, (curve.steps, curve.values, pyramid)
        return self._curve


def drawn(
    history: History, metric: Metric, view: PlotView, scale: Scale, columns: int, sampled: Sampled
) -> PlotPoints | None:
    """What is to be drawn of a metric in `columns` columns; None where nothing was recorded of it."""
    steps, values, pyramid = sampled.curve(history, metric)
    if not steps.size:
        return None
    weight = smoothing_weight(view.smoothing, min(scale.window[1], history.last_step) - scale.window[0])
    first, last = int(np.searchsorted(steps, scale.window[0])), int(np.searchsorted(steps, scale.window[1], "right"))
    warm = int(WARM_UP / (1 - weight)) if weight else 0
    buckets = pyramid.buckets(values, max(0, first - warm), last, ENTRIES_A_COLUMN * max(1, columns))
    smoothed = smooth_buckets(buckets, weight)
    x = scale.places(history, steps[buckets.middles])
    inside = buckets.starts + buckets.sizes > first
    low, high, line = (part[inside] * metric.scale for part in (buckets.low, buckets.high, smoothed))
    left_out = int(np.count_nonzero(values[first:last] <= 0)) if view.log else 0
    broken = x[inside & (buckets.broken > 0)]
    x, shown = x[inside], steps[buckets.middles][inside]
    if scale.axis == "clock":
        x, low, high, line = _parted(x, pauses(history, shown), low, high, line)
    return PlotPoints(x, low, high, line, broken, pyramid.broken(values), left_out)


def pauses(history: History, steps: Numbers) -> NDArray[np.intp]:
    """Which of `steps`, ascending, shape (n,), come after a pause or downtime since the one before."""
    lost = history.elapsed_at(steps) - history.worked_at(steps)
    return np.flatnonzero(np.diff(lost) > PAUSE_SECONDS) + 1


def _parted(x: Numbers, places: NDArray[np.intp], *curves: Numbers) -> tuple[Numbers, ...]:
    """x and curves over it, shape (m,), each with a gap before the places; in the middle of where nothing was."""
    between = (x[places - 1] + x[places]) / 2
    return np.insert(x, places, between), *(np.insert(curve, places, np.nan) for curve in curves)


@dataclass(frozen=True, eq=False)
class Validated:
    """A metric's values at the ends of epochs, within a window: all of shape (n,). Scaled; NaN where not finite."""

    x: Numbers
    y: Numbers
    is_best: NDArray[np.bool_]
    """Which one is the best epoch's, by validation accuracy."""
    all_broken: int
    """How many of the whole run's are not finite."""

    @property
    def broken(self) -> Numbers:
        """Places on the x axis where values are not finite."""
        return self.x[~np.isfinite(self.y)]


def validated(history: History, metric: Metric, scale: Scale) -> Validated | None:
    """What is to be drawn of a metric's validation; None for a metric without one."""
    if metric.validation_key is None:
        return None
    steps, values = history.validation(metric.validation_key)
    best = history.best_epoch
    chosen = np.array([epoch is best for epoch in history.epochs], dtype=bool)
    inside = (steps >= scale.window[0]) & (steps <= scale.window[1])
    places = scale.places(history, steps)
    broken = int(np.count_nonzero(~np.isfinite(values)))
    return Validated(places[inside], values[inside] * metric.scale, chosen[inside], broken)


def smooth_buckets(buckets: Buckets, weight: float) -> Numbers:
    """Exponential moving average over the values behind stretches, bias-corrected; NaN where a stretch has none.

    Of a stretch only the mean is known: it counts as that many values of this size. Exact for stretches of one value.
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
class CursorValue:
    """The values of one metric at a step: as recorded, not smoothed and not scaled. None where there are none."""

    step: int | None
    """The nearest one that has a value recorded for it."""
    value: float | None
    validation: float | None
    epoch: int | None
    """Whose validation that is: of the nearest epoch's end."""


def reading(history: History, metric: Metric, at: float, sampled: Sampled) -> CursorValue:
    """What was recorded of a metric at the step nearest to `at`; nothing where the run has not come so far."""
    steps, values, _ = sampled.curve(history, metric)
    step = value = validation = epoch = None
    if at > history.last_step + 0.5:
        return CursorValue(None, None, None, None)
    if steps.size:
        place = _nearest(steps, at)
        step, value = int(steps[place]), float(values[place])
    if metric.validation_key is not None and history.epochs:
        ends, figures = history.validation(metric.validation_key)
        place = _nearest(ends, at)
        validation, epoch = float(figures[place]), history.epochs[place].epoch
    return CursorValue(step, value, validation, epoch)


def _nearest(steps: Numbers, at: float) -> int:
    after = min(int(np.searchsorted(steps, at)), len(steps) - 1)
    return after - 1 if after and at - steps[after - 1] < steps[after] - at else after


def is_recorded(history: History, metric: Metric) -> bool:
    """Whether there is anything to plot of a metric."""
    if metric.source == "steps":
        return history.steps.count > 0
    if metric.source == "layers":
        return any(getattr(stats, metric.key) is not None for stats in history.layer_stats[:5])
    if metric.key.startswith("gpu_"):
        key = metric.key.removeprefix("gpu_")
        samples = history.hardware_samples[-5:]
        return any(getattr(gpu, key, None) is not None for _, sample in samples for gpu in sample.gpus[:1])
    return bool(history.hardware_samples)

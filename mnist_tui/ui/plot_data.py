"""History -> what a plot draws of it: a metric's stretches within a window, on the x axis that was chosen. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.metrics import Metric
from mnist_tui.runs.history import History
from mnist_tui.runs.pyramid import Buckets, MinMaxPyramid
from mnist_tui.ui.plot_view import Extent, PlotView, Window, XAxis, shown, smoothing_weight, stage

Numbers = NDArray[np.float64]
ENTRIES_A_COLUMN = 4
"""Stretches that a column of a plot is made of at most; at least half as many."""
WARM_UP = 4
"""The smoothed line of a window begins so many of its spans before it."""
MINUTES_FROM, HOURS_FROM = 180.0, 3 * 3600.0
"""Seconds from which on the time axis counts minutes and hours."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """One metric in a window: all of shape (m,), on the x axis. Scaled; NaN where nothing is finite."""

    x: Numbers
    low: Numbers
    high: Numbers
    smoothed: Numbers
    broken: Numbers
    """Places on the x axis where values are not finite."""
    all_broken: int
    """How many of the whole run's values are not finite."""


@dataclass(frozen=True)
class Scale:
    """The x axis: what it counts, what of it is shown, and how steps become places on it and the other way round."""

    axis: XAxis
    unit: str
    limits: Window
    window: Window
    """The same in steps."""
    divisor: float

    def places(self, history: History, steps: Numbers) -> Numbers:
        """Where steps, ascending, shape (n,), are on the axis. A clock that jumped backwards stands still."""
        if self.axis != "time":
            return steps / self.divisor
        return np.maximum.accumulate(history.worked_at(steps) / self.divisor) if steps.size else steps

    def step_at(self, history: History, place: float) -> float:
        """The step at a place on the axis."""
        if self.axis != "time":
            return place * self.divisor
        table = history.steps
        worked = table.column("worked")
        index = min(int(np.searchsorted(worked, place * self.divisor)), table.count - 1)
        return float(table.column("step")[index])


class Sampled:
    """The curves of metrics that are sampled now and then, read from the history again only when there are more."""

    def __init__(self) -> None:
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
            curve = history.curve(metric)
            pyramid = MinMaxPyramid()
            pyramid.extend(curve.values)
            self._of, self._curve = of, (curve.steps, curve.values, pyramid)
        return self._curve


def extent_of(history: History) -> Extent:
    """How far the run is."""
    planned = history.epochs_planned * history.started.steps_per_epoch if history.started else 0
    return Extent(history.last_step, planned)


def scale_of(history: History, view: PlotView) -> Scale:
    """The x axis of all plots; steps where the epochs have no length yet."""
    window = shown(view, extent_of(history))
    per_epoch = history.started.steps_per_epoch if history.started else 0
    if view.axis == "epochs" and per_epoch:
        limits = (window[0] / per_epoch, window[1] / per_epoch)
        return Scale("epochs", "epochs", limits, window, float(per_epoch))
    if view.axis == "time" and history.steps.count:
        worked = history.worked_at(np.array([window[0], min(window[1], history.last_step)]))
        first, last = float(worked[0]), float(worked.max())
        if view.window is None and not view.recent:
            # starting up takes a while: no more than a tenth of the axis stays empty for it
            first, last = first if first * 10 > last else 0.0, stage(last, 0)
        divisor, unit = (3600.0, "hours") if last >= HOURS_FROM else (60.0, "minutes")
        if last < MINUTES_FROM:
            divisor, unit = 1.0, "seconds"
        return Scale("time", f"{unit} of work", (first / divisor, last / divisor), window, divisor)
    return Scale("steps", "steps", window, window, 1.0)


def drawn(
    history: History, metric: Metric, view: PlotView, scale: Scale, columns: int, sampled: Sampled
) -> Drawn | None:
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
    return Drawn(x[inside], low, high, line, x[inside & (buckets.broken > 0)], pyramid.broken(values))


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
class Reading:
    """The values of one metric at a step: as recorded, not smoothed and not scaled. None where there are none."""

    step: int | None
    """The nearest one that has a value recorded for it."""
    value: float | None
    validation: float | None
    epoch: int | None
    """Whose validation that is: of the nearest epoch's end."""


def reading(history: History, metric: Metric, at: int, sampled: Sampled) -> Reading:
    """What was recorded of a metric at the step nearest to `at`."""
    steps, values, _ = sampled.curve(history, metric)
    step = value = validation = epoch = None
    if steps.size:
        place = _nearest(steps, at)
        step, value = int(steps[place]), float(values[place])
    if metric.validation_key is not None and history.epochs:
        ends, figures = history.validation(metric.validation_key)
        place = _nearest(ends, at)
        validation, epoch = float(figures[place]), history.epochs[place].epoch
    return Reading(step, value, validation, epoch)


def _nearest(steps: Numbers, at: int) -> int:
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

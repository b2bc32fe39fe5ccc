"""The x axis of the plots: what it counts, how much of it is shown, and how other runs are aligned on it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mnist_tui.runs.history import History
from mnist_tui.ui.plots.view import Extent, PlotView, Window, XAxis, shown, stage

Numbers = NDArray[np.float64]
MINUTES_FROM, HOURS_FROM = 180.0, 3 * 3600.0
"""Seconds from which on the time axis counts minutes and hours."""
TIMES: tuple[XAxis, ...] = ("time", "clock")
"""The axes that count seconds."""
LEAST_PACE = 1e-6
"""Seconds a step, of a run whose clock stood still or went backwards."""


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
        if self.axis not in TIMES:
            return steps / self.divisor
        return np.maximum.accumulate(_seconds(history, steps, self.axis) / self.divisor) if steps.size else steps

    def step_at(self, history: History, place: float) -> float:
        """The step at a place on the axis."""
        if self.axis not in TIMES:
            return place * self.divisor
        table, seconds = history.steps, place * self.divisor
        if self.axis == "clock":
            seconds += history.record.created
        recorded = table.column("worked" if self.axis == "time" else "time")
        index = int(np.searchsorted(recorded, seconds))
        if index == table.count:
            return history.last_step + (seconds - float(recorded[-1])) / _pace(history)
        return float(table.column("step")[index])

    def beside(self, history: History) -> "Scale | None":
        """The same axis for another run, which has other steps at its places; None where it cannot be aligned."""
        per_epoch = _per_epoch(history)
        if not history.steps.count or (self.axis == "epochs" and not per_epoch):
            return None
        other = replace(self, divisor=float(per_epoch)) if self.axis == "epochs" else self
        window = (other.step_at(history, self.limits[0]), other.step_at(history, self.limits[1]))
        return replace(other, window=window)


def _per_epoch(history: History) -> int:
    return history.started.steps_per_epoch if history.started else 0


def _pace(history: History) -> float:
    """Mean seconds of work a step, of the whole run."""
    worked = history.steps.column("worked")
    return max(LEAST_PACE, float(worked.max()) / max(1, history.last_step))


def _seconds(history: History, steps: Numbers, axis: XAxis) -> Numbers:
    """Seconds of work, or by the clock, at steps, shape (n,) -> (n,). Beyond the run's end, where others go on, at the
    run's mean pace."""
    seconds = history.worked_at(steps) if axis == "time" else history.elapsed_at(steps)
    beyond = steps - history.last_step
    return np.where(beyond > 0, seconds + beyond * _pace(history), seconds) if history.steps.count else seconds


def extent_of(history: History, others: Sequence[History] = (), axis: XAxis = "steps") -> Extent:
    """How far the run is, and those beside it: in steps of the first, as the axis aligns them."""
    planned, last = history.epochs_planned * _per_epoch(history), float(history.last_step)
    whole = Scale(axis, "", (0, 0), (0, 0), float(_per_epoch(history) if axis == "epochs" else 1))
    for other in others:
        beside = whole.beside(other) if history.steps.count and whole.divisor else None
        if beside is not None:
            (end,) = beside.places(other, np.array([float(other.last_step)]))
            last = max(last, whole.step_at(history, float(end)))
            if axis not in TIMES:
                goal = whole.step_at(history, other.epochs_planned * _per_epoch(other) / beside.divisor)
                planned = max(planned, round(goal))
    return Extent(round(last), planned)


def scale_of(history: History, view: PlotView, others: Sequence[History] = ()) -> Scale:
    """The x axis of all plots; steps where the epochs have no length yet. It has room for the others' ends, too."""
    extent = extent_of(history, () if view.recent else others, view.axis)
    window = shown(view, extent)
    per_epoch = _per_epoch(history)
    if view.axis == "epochs" and per_epoch:
        limits = (window[0] / per_epoch, window[1] / per_epoch)
        return Scale("epochs", "epochs", limits, window, float(per_epoch))
    if view.axis in TIMES and history.steps.count:
        ends = np.array([window[0], min(window[1], extent.last)])
        first, last = (float(each) for each in _seconds(history, ends, view.axis))
        last = max(last, first)
        if view.window is None and not view.recent:
            # starting up takes a while: no more than a tenth of the axis stays empty for it
            first, last = first if first * 10 > last and not others else 0.0, stage(last, 0)
        divisor, unit = (3600.0, "hours") if last >= HOURS_FROM else (60.0, "minutes")
        if last < MINUTES_FROM:
            divisor, unit = 1.0, "seconds"
        unit += " of work" if view.axis == "time" else " by the clock"
        return Scale(view.axis, unit, (first / divisor, last / divisor), window, divisor)
    return Scale("steps", "steps", window, window, 1.0)

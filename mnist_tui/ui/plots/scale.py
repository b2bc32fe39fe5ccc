"""The x axis of the plots: its unit, its limits, and how other runs are aligned on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnist_tui.render.raster import Numbers
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.view import Extent, PlotView, Window, XAxis, axis_end, visible_window

MINUTES_FROM, HOURS_FROM = 180.0, 3 * 3600.0
"""Seconds from which a time axis counts minutes and hours."""
TIME_AXES: tuple[XAxis, ...] = ("time", "clock")
MIN_STEP_SECONDS = 1e-6
"""Seconds per step of a run whose clock stood still or went backwards."""


@dataclass(frozen=True)
class Scale:
    """The x axis, which turns the steps of a run into positions, in its unit, and back."""

    axis: XAxis
    unit: str
    limits: Window
    """Positions at both edges."""
    window: Window
    """Steps at both edges."""
    divisor: float
    """Steps or seconds in one unit of the axis."""

    def positions(self, history: History, steps: Numbers) -> Numbers:
        """Return the positions of ascending steps, shape (n,). They never decrease, even if the clock did."""
        if self.axis not in TIME_AXES:
            return steps / self.divisor
        return np.maximum.accumulate(_seconds(history, steps, self.axis) / self.divisor) if steps.size else steps

    def step_at(self, history: History, position: float) -> float:
        """Return the step at a position."""
        if self.axis not in TIME_AXES:
            return position * self.divisor
        table, seconds = history.steps, position * self.divisor
        if self.axis == "clock":
            seconds += history.record.created
        recorded = table.column("worked" if self.axis == "time" else "time")
        index = int(np.searchsorted(recorded, seconds))
        if index == table.count:
            return history.last_step + (seconds - float(recorded[-1])) / _step_seconds(history)
        return float(table.column("step")[index])

    def align(self, history: History) -> "Scale | None":
        """Return the same axis for another run, whose steps there differ; None if it cannot be aligned."""
        per_epoch = _steps_per_epoch(history)
        if not history.steps.count or (self.axis == "epochs" and not per_epoch):
            return None
        other = replace(self, divisor=float(per_epoch)) if self.axis == "epochs" else self
        window = (other.step_at(history, self.limits[0]), other.step_at(history, self.limits[1]))
        return replace(other, window=window)


def _steps_per_epoch(history: History) -> int:
    return history.started.steps_per_epoch if history.started else 0


def _step_seconds(history: History) -> float:
    """Return the mean seconds per step of the whole run, pauses excluded."""
    worked = history.steps.column("worked")
    return max(MIN_STEP_SECONDS, float(worked.max()) / max(1, history.last_step))


def _seconds(history: History, steps: Numbers, axis: XAxis) -> Numbers:
    """Return the seconds at steps, shape (n,); beyond the end of the run, extrapolated by its mean speed."""
    seconds = history.worked_at(steps) if axis == "time" else history.elapsed_at(steps)
    beyond = steps - history.last_step
    return np.where(beyond > 0, seconds + beyond * _step_seconds(history), seconds) if history.steps.count else seconds


def extent_of(history: History, others: Sequence[History] = (), axis: XAxis = "steps") -> Extent:
    """Return the extent of a run and of others aligned on its axis, in steps of the first."""
    planned, last = history.epochs_planned * _steps_per_epoch(history), float(history.last_step)
    whole = Scale(axis, "", (0, 0), (0, 0), float(_steps_per_epoch(history) if axis == "epochs" else 1))
    for other in others:
        aligned = whole.align(other) if history.steps.count and whole.divisor else None
        if aligned is not None:
            (end,) = aligned.positions(other, np.array([float(other.last_step)]))
            last = max(last, whole.step_at(history, float(end)))
            if axis not in TIME_AXES:
                planned_end = other.epochs_planned * _steps_per_epoch(other) / aligned.divisor
                planned = max(planned, round(whole.step_at(history, planned_end)))
    return Extent(round(last), planned)


def scale_of(history: History, view: PlotView, others: Sequence[History] = ()) -> Scale:
    """Return the x axis of all plots, with room for other runs; steps while the length of an epoch is unknown."""
    extent = extent_of(history, () if view.recent else others, view.axis)
    window = visible_window(view, extent)
    per_epoch = _steps_per_epoch(history)
    if view.axis == "epochs" and per_epoch:
        limits = (window[0] / per_epoch, window[1] / per_epoch)
        return Scale("epochs", "epochs", limits, window, float(per_epoch))
    if view.axis in TIME_AXES and history.steps.count:
        ends = np.array([window[0], min(window[1], extent.last)])
        first, last = (float(each) for each in _seconds(history, ends, view.axis))
        last = max(last, first)
        if view.window is None and not view.recent:
            # leave out the start-up if it would take more than a tenth of the axis
            first, last = first if first * 10 > last and not others else 0.0, axis_end(last, 0)
        divisor, unit = (3600.0, "hours") if last >= HOURS_FROM else (60.0, "minutes")
        if last < MINUTES_FROM:
            divisor, unit = 1.0, "seconds"
        unit = f"{unit} of training" if view.axis == "time" else f"wall-clock {unit}"
        return Scale(view.axis, unit, (first / divisor, last / divisor), window, divisor)
    return Scale("steps", "steps", window, window, 1.0)

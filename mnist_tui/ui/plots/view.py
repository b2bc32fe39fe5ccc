"""The view that all plots of a screen share: the x axis, the window in steps, the cursor and the smoothing."""

import math
from dataclasses import dataclass, replace
from typing import Literal

XAxis = Literal["steps", "epochs", "time", "clock"]
Smoothing = Literal["off", "light", "strong"]
Window = tuple[float, float]
X_AXES: tuple[XAxis, ...] = ("steps", "epochs", "time", "clock")
"""`time` excludes pauses; on `clock`, wall-clock time since the run was created, they are gaps."""
SMOOTHINGS: tuple[Smoothing, ...] = ("off", "light", "strong")
SMOOTHING_SPANS: dict[Smoothing, tuple[float, float]] = {
    "off": (0.0, 1.0),
    "light": (1 / 60, 100.0),
    "strong": (1 / 12, 1000.0),
}
"""Steps that the smoothed line averages: a share of the window, and a maximum."""
RECENT_SHARE, RECENT_MIN_STEPS = 0.1, 100
"""Length of the window of the newest steps: a share of the run, and a minimum."""
MIN_WINDOW = 10.0
"""Steps."""
ZOOM = 2.0
PAN_SHARE = 0.2
CURSOR_SHARE = 1 / 100
"""Share of the window that the cursor moves at a key press."""
AXIS_ENDS = (1, 1.5, 2, 3, 5, 7.5, 10)
"""Ends of the x axis, times powers of ten: between two of them only the curve grows."""


@dataclass(frozen=True)
class PlotView:
    """The settings of a view. Functions of this module return a changed one."""

    axis: XAxis = "steps"
    log: bool = False
    recent: bool = False
    """Follow the newest steps, unless there is a `window`."""
    window: Window | None = None
    cursor: int | None = None
    """The step whose values are shown."""
    smoothing: Smoothing = "light"
    maximised: str | None = None
    """Key of the metric whose plot fills the screen."""
    validation_only: bool = False
    """Leave out the training curve of metrics that are validated, so that the y axis fits the validation."""


@dataclass(frozen=True)
class Extent:
    """The newest step of a run, and the step at which it is planned to end (0 if unknown)."""

    last: int
    planned: int


def visible_window(view: PlotView, extent: Extent) -> Window:
    """Return the steps at the left and the right edge of the plots."""
    if view.window is not None:
        return view.window
    if view.recent:
        length = max(RECENT_MIN_STEPS, extent.last * RECENT_SHARE)
        snap = max(1.0, 10.0 ** math.floor(math.log10(length)) / 5)  # the axis moves once a snap
        end = max(length, math.ceil(extent.last / snap) * snap)
        return end - math.ceil(length / snap) * snap, end
    return 0.0, axis_end(float(extent.last), extent.planned)


def axis_end(last: float, planned: float) -> float:
    """Return the next of AXIS_ENDS after the newest value, or the planned end if that is near."""
    power = 10.0 ** math.floor(math.log10(max(last, 1.0)))
    end = max(20.0, next(factor * power for factor in AXIS_ENDS if factor * power >= last))
    return planned if planned and last <= planned <= end * 1.4 else end


def zoom(view: PlotView, extent: Extent, factor: float, around: float | None = None) -> PlotView:
    """Make the window `factor` times narrower (below 1: wider) around a step, which keeps its position.

    The default for `around` is the cursor if it is visible, else the newest step.
    """
    first, last = visible_window(view, extent)
    whole = _whole_run(view, extent)
    if around is None:
        around = view.cursor if view.cursor is not None and first <= view.cursor <= last else float(extent.last)
    around = min(max(around, first), last)
    length = max(MIN_WINDOW, (last - first) / factor)
    if length >= whole[1] - whole[0]:
        return replace(view, window=None, recent=False)
    share = (around - first) / (last - first) if last > first else 0.5
    return replace(view, window=_shift_within((around - share * length, around + (1 - share) * length), whole))


def pan(view: PlotView, extent: Extent, steps: float) -> PlotView:
    """Move the window to the right by `steps`, within the run; a view of the whole run stays as it is."""
    if view.window is None and not view.recent:
        return view
    first, last = visible_window(view, extent)
    return replace(view, window=_shift_within((first + steps, last + steps), _whole_run(view, extent)))


def set_cursor(view: PlotView, extent: Extent, step: float) -> PlotView:
    """Set the value cursor to a step of the run, and move the window until it is visible."""
    cursor = int(min(max(1, round(step)), max(1, extent.last)))
    view = replace(view, cursor=cursor)
    first, last = visible_window(view, extent)
    if first <= cursor <= last:
        return view
    return pan(view, extent, cursor - first if cursor < first else cursor - last)


def move_cursor(view: PlotView, extent: Extent, direction: Literal[-1, 1]) -> PlotView:
    """Move the cursor a little to the left or the right; it appears at the newest visible step."""
    first, last = visible_window(view, extent)
    if view.cursor is None:
        return set_cursor(view, extent, min(last, extent.last))
    return set_cursor(view, extent, view.cursor + direction * max(1, round((last - first) * CURSOR_SHARE)))


def smoothing_weight(smoothing: Smoothing, steps: float) -> float:
    """Return the weight of the past, per step, of a smoothed line over a window of `steps`."""
    share, maximum = SMOOTHING_SPANS[smoothing]
    return 1 - 1 / min(maximum, max(1.0, steps * share)) if steps > 1 else 0.0


def _whole_run(view: PlotView, extent: Extent) -> Window:
    return visible_window(replace(view, window=None, recent=False), extent)


def _shift_within(window: Window, whole: Window) -> Window:
    first, last = window
    shift = max(0.0, whole[0] - first) - max(0.0, last - whole[1])
    return first + shift, last + shift

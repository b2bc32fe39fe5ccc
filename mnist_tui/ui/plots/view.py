"""What all plots show alike: the x axis, the window, the value cursor, the smoothing. Pure; windows are in steps."""

import math
from dataclasses import dataclass, replace
from typing import Literal

XAxis = Literal["steps", "epochs", "time", "clock"]
Smoothing = Literal["off", "light", "strong"]
Window = tuple[float, float]
X_AXES: tuple[XAxis, ...] = ("steps", "epochs", "time", "clock")
"""`time` is seconds of work, `clock` seconds since the run's beginning, in which pauses are gaps."""
SMOOTHINGS: tuple[Smoothing, ...] = ("off", "light", "strong")
SMOOTHED: dict[Smoothing, tuple[float, float]] = {
    "off": (0.0, 1.0),
    "light": (1 / 60, 100.0),
    "strong": (1 / 12, 1000.0),
}
"""The share of the shown steps that the smoothed line averages over, and how many steps at most."""
RECENT_SHARE, RECENT_LEAST = 0.1, 100
"""The recent window: a share of the run so far, and how many steps at least."""
NARROWEST = 10.0
"""Steps that a window has at least."""
ZOOM = 2.0
PAN_SHARE = 0.2
CURSOR_SHARE = 1 / 100
"""Share of the window that the cursor goes at a key press."""
STAGES = (1, 1.5, 2, 3, 5, 7.5, 10)
"""Ends of the x axis, times powers of ten: it grows in stages, between which only the curve's end moves."""


@dataclass(frozen=True)
class PlotView:
    """How the curves are looked at."""

    axis: XAxis = "steps"
    log: bool = False
    recent: bool = False
    """Follow the newest steps alone; a `window` goes before it."""
    window: Window | None = None
    cursor: int | None = None
    """The step whose values are read off."""
    smoothing: Smoothing = "light"
    maximised: str | None = None
    """Key of the metric that fills the screen."""
    validation_alone: bool = False
    """Where a metric has a validation side, leave the training out: the y axis then shows the validation large."""


@dataclass(frozen=True)
class Extent:
    """How far a run is: its newest step, and the step it is to end with (0: not known)."""

    last: int
    planned: int


def shown(view: PlotView, extent: Extent) -> Window:
    """The steps from one edge of the plots to the other."""
    if view.window is not None:
        return view.window
    if view.recent:
        length = max(RECENT_LEAST, extent.last * RECENT_SHARE)
        snap = max(1.0, 10.0 ** math.floor(math.log10(length)) / 5)  # so that the axis stands still for a while
        end = max(length, math.ceil(extent.last / snap) * snap)
        return end - math.ceil(length / snap) * snap, end
    return 0.0, stage(float(extent.last), extent.planned)


def stage(last: float, planned: float) -> float:
    """Where the x axis ends: the next stage after the newest value, or the planned end once that is near."""
    power = 10.0 ** math.floor(math.log10(max(last, 1.0)))
    end = max(20.0, next(factor * power for factor in STAGES if factor * power >= last))
    return planned if planned and last <= planned <= end * 1.4 else end


def zoomed(view: PlotView, extent: Extent, factor: float, around: float | None = None) -> PlotView:
    """A window `factor` times narrower (wider below 1), in which `around` (default: the cursor, else the newest step)
    stays where it is."""
    first, last = shown(view, extent)
    whole = shown(replace(view, window=None, recent=False), extent)
    if around is None:
        around = view.cursor if view.cursor is not None and first <= view.cursor <= last else float(extent.last)
    around = min(max(around, first), last)
    length = max(NARROWEST, (last - first) / factor)
    if length >= whole[1] - whole[0]:
        return replace(view, window=None, recent=False)
    share = (around - first) / (last - first) if last > first else 0.5
    return replace(view, window=_within((around - share * length, around + (1 - share) * length), whole))


def panned(view: PlotView, extent: Extent, steps: float) -> PlotView:
    """The window, moved by so many steps to the right, not beyond the run; the whole run cannot be moved."""
    if view.window is None and not view.recent:
        return view
    first, last = shown(view, extent)
    whole = shown(replace(view, window=None, recent=False), extent)
    return replace(view, window=_within((first + steps, last + steps), whole))


def pointed(view: PlotView, extent: Extent, step: float) -> PlotView:
    """The value cursor at a step that was taken; a window moves along with it."""
    at = int(min(max(1, round(step)), max(1, extent.last)))
    view = replace(view, cursor=at)
    first, last = shown(view, extent)
    if first <= at <= last:
        return view
    return panned(view, extent, at - first if at < first else at - last)


def moved(view: PlotView, extent: Extent, direction: float) -> PlotView:
    """The cursor a little to the right (or left: -1); it begins at the newest step that is shown."""
    first, last = shown(view, extent)
    if view.cursor is None:
        return pointed(view, extent, min(last, extent.last))
    return pointed(view, extent, view.cursor + direction * max(1, round((last - first) * CURSOR_SHARE)))


def reset(view: PlotView) -> PlotView:
    """Everything as at first, but for the plot that is maximised."""
    return PlotView(maximised=view.maximised)


def smoothing_weight(smoothing: Smoothing, steps: float) -> float:
    """Weight of the past, a step, in the smoothed line of so many shown steps."""
    share, most = SMOOTHED[smoothing]
    return 1 - 1 / min(most, max(1.0, steps * share)) if steps > 1 else 0.0


def _within(window: Window, whole: Window) -> Window:
    first, last = window
    shift = max(0.0, whole[0] - first) - max(0.0, last - whole[1])
    return first + shift, last + shift

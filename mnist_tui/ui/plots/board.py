"""All plots of a run, side by side or one of them maximised, with one view.

A plot costs 5 to 20 ms, and more while all cores train. The event loop gets a turn between two of them, so that a key
waits for one plot at most.
"""

import asyncio
from dataclasses import replace
from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.message import Message

from mnist_tui.metrics import METRICS, Metric
from mnist_tui.runs.history import History
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.plots.overlay import RunOverlay
from mnist_tui.ui.plots.panel import FRAME_SECONDS, PlotPanel
from mnist_tui.ui.plots.scale import extent_of
from mnist_tui.ui.plots.view import (
    PAN_SHARE,
    SMOOTHINGS,
    X_AXES,
    ZOOM,
    Extent,
    PlotView,
    move_cursor,
    pan,
    set_cursor,
    visible_window,
    zoom,
)
from mnist_tui.ui.terminal.back_pressure import is_behind

MIN_PLOT_SIZE = (38, 16)
"""Columns and rows from which a further plot is shown; two are always shown."""
BUILDS_PER_SECOND = 3.0
"""Drawings of all plots together, while steps come."""
BUILD_SECONDS = 0.25
"""Between two drawings while steps come, and between checks of a terminal that is behind."""
YIELD_SECONDS = 0.03
"""Between two requested drawings, so that a key can be handled."""
STALE_SECONDS = 3.0
"""After this many seconds without `show`, all plots are drawn."""
Choice = TypeVar("Choice")


class PlotBoard(Container, can_focus=True):
    """Shows the plots with one `view`, and posts `Changed` when that changes."""

    BINDINGS = bindings("plots")
    DEFAULT_CSS = """
    PlotBoard { layout: grid; grid-size: 1; }
    PlotBoard PlotPanel { display: none; }
    PlotBoard PlotPanel.-shown { display: block; }
    PlotBoard:focus PlotPanel { border-title-style: bold; border: round $accent; }
    """

    class Changed(Message):
        """Posted when the view has changed."""

    def __init__(self, id: str | None = None, max_plots: int | None = None) -> None:
        super().__init__(id=id)
        self._max_plots = max_plots
        self.view = PlotView()
        self.dropped_frames = 0
        """Frames that were not drawn because the terminal was behind."""
        self._history: History | None = None
        self._overlay = RunOverlay()
        self._now = 0.0
        self._shown: list[PlotPanel] = []
        self._last_built: PlotPanel | None = None
        self._requested: set[PlotPanel] = set()
        """Plots to be drawn at once."""
        self._has_timer = False
        self._has_worker = False
        self._layout: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        for metric in METRICS.values():
            yield PlotPanel(metric, id=metric.key)

    def show(self, history: History, now: float, overlay: RunOverlay | None = None) -> None:
        """Show a run at the time `now` (seconds), with other runs over it.

        Nothing is drawn while the terminal still writes earlier frames.
        """
        overlay = overlay or self._overlay
        is_stale = not 0 <= now - self._now < STALE_SECONDS
        if is_stale or history is not self._history or overlay != self._overlay or history.is_over:
            self._requested.update(self._shown)
        self._history, self._now, self._overlay = history, now, overlay
        self._arrange()
        if self._requested:
            self._build_soon()
        elif not self._has_timer:
            self._build_on_timer()

    def build_next(self) -> bool:
        """Draw the next plot in turn, requested ones first; return False if none has anything new."""
        if self._history is None:
            return False
        turn = self._shown.index(self._last_built) + 1 if self._last_built in self._shown else 0
        panels = self._shown[turn:] + self._shown[:turn]
        for panel in sorted(panels, key=lambda each: each not in self._requested):
            self._requested.discard(panel)
            builds, spacing = panel.builds, max(FRAME_SECONDS, len(panels) / BUILDS_PER_SECOND)
            panel.show(self._history, self._now, self.view, spacing, self._overlay)
            if panel.builds > builds:
                self._last_built = panel
                return True
        return False

    def _build_on_timer(self) -> None:
        behind = is_behind(self.app)
        self.dropped_frames += behind
        if self._requested and not behind:
            self._build_soon()
        self._has_timer = behind or self.build_next()
        if self._has_timer:
            self.set_timer(BUILD_SECONDS, self._build_on_timer)

    def _build_soon(self) -> None:
        if not self._has_worker:
            self._has_worker = True
            self.run_worker(self._build_requested(), group="plots")

    async def _build_requested(self) -> None:
        try:
            while self._requested and not is_behind(self.app):
                self.build_next()
                await asyncio.sleep(YIELD_SECONDS)
        finally:
            self._has_worker = False
        if self._requested and not self._has_timer:
            self._build_on_timer()

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        self._arrange()
        self._requested.update(self._shown)
        self.call_after_refresh(self._build_soon)

    @property
    def visible_panels(self) -> list[PlotPanel]:
        """The plots that fit, or the maximised one."""
        return list(self._shown)

    @property
    def recorded(self) -> list[Metric]:
        """The metrics that have anything to plot."""
        history = self._history
        return [metric for metric in METRICS.values() if history is not None and history.is_recorded(metric)]

    def _arrange(self) -> None:
        keys = [metric.key for metric in self.recorded]
        across, down = (max(1, length // least) for length, least in zip(self.size, MIN_PLOT_SIZE, strict=True))
        fewest = 1 if self.size.width < MIN_PLOT_SIZE[0] + 10 and self.size.height < MIN_PLOT_SIZE[1] else 2
        most = self._max_plots or max(fewest, across * down)
        chosen = [self.view.maximised] if self.view.maximised in keys else keys[:most]
        columns = 1 if len(chosen) == 1 else min(2, across) if self.size.height >= MIN_PLOT_SIZE[1] else len(chosen)
        if (chosen, columns) == self._layout:
            return
        self._layout = (chosen, columns)
        self.styles.grid_size_columns = columns
        for panel in self.query(PlotPanel):
            panel.set_class(panel.metric.key in chosen, "-shown")
            is_last = bool(chosen) and panel.metric.key == chosen[-1]
            panel.styles.column_span = columns if is_last and len(chosen) % columns == 1 and columns > 1 else 1
        self._shown = [panel for panel in self.query(PlotPanel) if panel.metric.key in chosen]
        self._requested = set(self._shown)

    def set_view(self, view: PlotView) -> None:
        """Change the view; the first plot is drawn at once, however busy the terminal is."""
        if view == self.view:
            return
        self.view = view
        self._arrange()
        self._requested.update(self._shown)
        self.build_next()
        if self._requested:
            self._build_soon()
        self.post_message(self.Changed())

    def action_plots(self, command: str) -> None:
        if self._history is None or not self._history.steps.count:
            return
        view, extent = self.view, self._extent
        first, last = visible_window(view, extent)
        match command:
            case "log":
                view = replace(view, log=not view.log)
            case "axis":
                view = replace(view, axis=_next(X_AXES, view.axis))
            case "smoothing":
                view = replace(view, smoothing=_next(SMOOTHINGS, view.smoothing))
            case "validation":
                view = replace(view, validation_only=not view.validation_only)
            case "recent":
                view = replace(view, recent=not (view.recent and view.window is None), window=None)
            case "closer":
                view = zoom(view, extent, ZOOM)
            case "farther":
                view = zoom(view, extent, 1 / ZOOM)
            case "all":
                view = PlotView(maximised=view.maximised)
            case "left" | "right":
                view = move_cursor(view, extent, -1 if command == "left" else 1)
            case "first" | "last":
                view = set_cursor(view, extent, 1 if command == "first" else extent.last)
            case "pan_left" | "pan_right":
                view = pan(view, extent, (last - first) * (-PAN_SHARE if command == "pan_left" else PAN_SHARE))
            case "one":
                keys = [metric.key for metric in self.recorded]
                view = replace(view, maximised=None if view.maximised is not None else next(iter(keys), None))
                self.focus()
            case "next" | "previous":
                view = replace(view, maximised=self._neighbour(1 if command == "next" else -1))
            case "back":
                view = replace(view, maximised=None) if view.maximised else replace(view, cursor=None)
        self.set_view(view)

    @property
    def _extent(self) -> Extent:
        if self._history is None:
            return Extent(0, 0)
        return extent_of(self._history, () if self.view.recent else self._overlay.histories, self.view.axis)

    def _neighbour(self, step: int) -> str | None:
        keys = [metric.key for metric in self.recorded]
        if self.view.maximised not in keys:
            return None
        return keys[(keys.index(self.view.maximised) + step) % len(keys)]

    def can_do(self, command: str) -> bool:
        """Return True if a command of `action_plots` would change anything now."""
        if command in ("next", "previous"):
            return self.view.maximised is not None
        if command == "back":
            return self.view.maximised is not None or self.view.cursor is not None
        return self._history is not None and self._history.steps.count > 0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "plots":
            return self.can_do(str(parameters[0]))
        return super().check_action(action, parameters)

    def on_plot_panel_zoomed(self, message: PlotPanel.Zoomed) -> None:
        message.stop()
        self.set_view(zoom(self.view, self._extent, message.factor, message.step))

    def on_plot_panel_pointed(self, message: PlotPanel.Pointed) -> None:
        message.stop()
        self.focus()
        self.set_view(set_cursor(self.view, self._extent, message.step))

    def on_plot_panel_dragged(self, message: PlotPanel.Dragged) -> None:
        message.stop()
        self.set_view(pan(self.view, self._extent, message.steps))


def _next(choices: tuple[Choice, ...], current: Choice) -> Choice:
    return choices[(choices.index(current) + 1) % len(choices)]

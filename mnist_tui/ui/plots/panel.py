"""A framed plot of one metric: training as a line over its envelope, validation as points, other runs as lines."""

import numpy as np
from rich.text import Text

from mnist_tui.metrics import Metric
from mnist_tui.render.plot import Axes, Series, draw
from mnist_tui.render.ticks import tick_label
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.data import MetricCurve, ValidationPoints, read_curve, read_rolling, read_validation
from mnist_tui.ui.plots.legend import axis_label, legend, overlay_legend
from mnist_tui.ui.plots.markers import draw_cursor, draw_references, mark_events
from mnist_tui.ui.plots.mouse import Canvas, PlotMouse
from mnist_tui.ui.plots.overlay import RunOverlay
from mnist_tui.ui.plots.scale import Scale, scale_of
from mnist_tui.ui.plots.series import extra_gpu_series, gpu_legend, overlay_series, own_series
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette, palette

FRAME_SECONDS = 0.7
"""Minimum seconds between two drawings of new steps; a plot costs 5 to 20 ms."""
FRAME_COLUMNS = 4
"""Columns of the frame's top line that the title cannot use."""


class PlotPanel(PlotMouse):
    """Redraws at once for another view, and at a limited rate for new steps."""

    DEFAULT_CSS = """
    PlotPanel {
        border: round $frame;
        border-title-color: $foreground;
        border-subtitle-color: $quiet;
        height: 1fr;
        min-width: 14;
    }
    """
    BORDER_SUBTITLE = "steps"

    def __init__(self, metric: Metric, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.metric = metric
        self.builds = 0
        """Drawings so far."""
        self.set_title(metric.label)
        self._history: History | None = None
        self._view = PlotView()
        self._overlay = RunOverlay()
        self._drawn_state: tuple[object, ...] = (0,)
        self._drawn_at = 0.0

    def show(
        self,
        history: History,
        now: float,
        view: PlotView | None = None,
        spacing: float = FRAME_SECONDS,
        overlay: RunOverlay | None = None,
    ) -> None:
        """Show a run at the time `now`, with other runs over it.

        If only steps are new, it is drawn at most every `spacing` seconds.
        """
        view, overlay = view or self._view, overlay or self._overlay
        self._history = history
        newest = history.markers[-1] if history.markers else None
        rolling = history.rolling[-1].step if history.rolling else 0
        samples = {"steps": rolling, "layers": len(history.layer_stats), "hardware": len(history.hardware_samples)}
        counts = (history.steps.count, samples[self.metric.source], [run.sample_counts for run in overlay.runs])
        epochs = [run.epoch_state for run in overlay.runs]
        state = (counts, history, view, overlay, epochs, len(history.epochs), history.epochs_planned, newest)
        is_soon = 0 <= now - self._drawn_at < spacing and state[1:] == self._drawn_state[1:]
        if state == self._drawn_state or (is_soon and not history.is_over):
            return
        self._view, self._overlay = view, overlay
        self._drawn_state, self._drawn_at = state, now
        self.redraw()

    def draw(self) -> list[Text]:
        history, width, height = self._history, self.size.width, self.size.height
        self.canvas = None
        if history is None or not history.steps.count or not width or not height:
            return []
        self.builds += 1
        view, overlay, metric, variables = self._view, self._overlay, self.metric, self.app.theme_variables
        colours, scale = palette(variables), scale_of(history, view, overlay.histories)
        curve = points = rolling = None
        if not overlay.hides_own_run:
            curve = read_curve(history, metric, view, scale, width)
            points = read_validation(history, metric, scale)
            rolling = read_rolling(history, metric, scale, width)
        self._set_frame_texts(history, scale, curve, points)
        below, above = own_series(metric, curve, points, rolling, view, colours)
        if not overlay.runs:
            above += extra_gpu_series(history, metric, view, scale, width, variables)
        plot = draw([*below, *self._overlay_series(scale, width), *above], self._axes(scale, colours), width, height)
        if plot is None:
            return []
        self.canvas = Canvas(plot.left, plot.columns, scale, history)
        mark_events(plot, self._events(history, scale, curve, points), scale.limits, variables)
        levels = [(each.value * metric.scale, each.words) for each in overlay.references if each.metric == metric.key]
        draw_references(plot, levels, paint(colours.quiet), log=view.log)
        if view.cursor is not None:
            (position,) = scale.positions(history, np.array([float(view.cursor)]))
            draw_cursor(plot, float(position), scale.limits, colours)
        return plot.lines

    def _set_frame_texts(
        self, history: History, scale: Scale, curve: MetricCurve | None, points: ValidationPoints | None
    ) -> None:
        width, metric, view = self.size.width - FRAME_COLUMNS, self.metric, self._view
        if self._overlay.hides_own_run:
            self.set_title(overlay_legend(metric, self._overlay, width))
        else:
            step = history.last_step if view.cursor is None else view.cursor
            gpus = gpu_legend(history, metric, step)
            self.set_title(legend(history, metric, view, curve, points, gpus, width))
        subtitle = axis_label(history, scale, metric, view, width)
        if subtitle != self.border_subtitle:
            # later: while the frame is being painted, Textual would take it for clean
            self.call_later(setattr, self, "border_subtitle", subtitle)

    def _overlay_series(self, scale: Scale, width: int) -> list[Series]:
        """Return all lines before all markers, so that each run can be recognised wherever it is marked."""
        lines: list[Series] = []
        markers: list[Series] = []
        view, metric = self._view, self.metric
        for run in self._overlay.draw_order:
            aligned = scale.align(run.history)
            if aligned is None:
                continue
            curve = read_curve(run.history, metric, view, aligned, width)
            points = read_validation(run.history, metric, aligned)
            colour = run.style.colour(self.app.theme_variables).rgb
            run_lines, run_markers = overlay_series(metric, curve, points, view, scale, run.style, colour)
            lines += run_lines
            markers += run_markers
        return lines + markers

    def _events(
        self, history: History, scale: Scale, curve: MetricCurve | None, points: ValidationPoints | None
    ) -> list[tuple[float, str]]:
        """Return the events to mark on the x axis, (position, kind)."""
        events: list[tuple[float, str]] = []
        if not self._overlay.hides_own_run:
            positions = scale.positions(history, np.array([float(event.step) for event in history.markers]))
            events += [(float(x), event.kind) for x, event in zip(positions, history.markers, strict=True)]
        for shown in (curve, points):
            if shown is not None:
                events += [(float(x), "broken") for x in shown.nonfinite]
        return events

    def _axes(self, scale: Scale, colours: Palette) -> Axes:
        unit = " %" if self.metric.unit == "%" else ""
        return Axes(
            format_x=tick_label,
            format_y=lambda value, decimals: tick_label(value, decimals) + unit,
            ticks=colours.quiet.rgb,
            background=colours.background.rgb,
            x_limits=scale.limits,
            y_bounds=self.metric.bounds,
            log=self._view.log,
        )

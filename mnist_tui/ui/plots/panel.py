"""A framed plot of one metric: its training steps as a line over their envelope, its validation epochs as points."""

from functools import partial

import numpy as np
from rich.text import Text

from mnist_tui.metrics import Metric
from mnist_tui.render.plot import AXIS_ROWS, Axes, Series, draw
from mnist_tui.render.ticks import tick_words
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.data import PlotPoints, Sampled, Validated, drawn, validated
from mnist_tui.ui.plots.gpus import OtherGpus
from mnist_tui.ui.plots.legend import axis_words, legend, overlay_legend
from mnist_tui.ui.plots.markers import draw_cursor, mark_axis
from mnist_tui.ui.plots.mouse import Canvas, PlotMouse
from mnist_tui.ui.plots.overlay import Overlaid, RunOverlay
from mnist_tui.ui.plots.scale import Scale, scale_of
from mnist_tui.ui.plots.series import other_series, own_series
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.theme import Palette, palette

FRAME_SECONDS = 0.7
"""Least time between two drawings while steps come; a plot costs 5 to 20 ms."""
FRAME_COLUMNS = 4
"""Columns of the frame's top line that a title cannot have."""


class Other:
    """Another run as it was last drawn: while nothing comes to it, it is not read again."""

    def __init__(self) -> None:
        self._sampled = Sampled()
        self._of: tuple[object, ...] = ()
        self._drawn: PlotPoints | None = None

    def drawn(self, run: Overlaid, metric: Metric, view: PlotView, scale: Scale, columns: int) -> PlotPoints | None:
        """As `plot_data.drawn`."""
        of = (run.count, view.smoothing, scale, columns)
        if of != self._of:
            self._of, self._drawn = of, drawn(run.history, metric, view, scale, columns, self._sampled)
        return self._drawn


class PlotPanel(PlotMouse):
    """Draws anew when there are new steps, but not more often than it may; at once when it is looked at differently."""

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
        """How many drawings were made."""
        self.set_title(metric.label)
        self._history: History | None = None
        self._view = PlotView()
        self._overlay = RunOverlay()
        self._others: dict[str, Other] = {}
        self._drawn_state: tuple[object, ...] = (0,)
        self._drawn_at = 0.0
        self._sampled = Sampled()
        self._gpus = OtherGpus()

    def show(
        self,
        history: History,
        now: float,
        view: PlotView | None = None,
        spacing: float = FRAME_SECONDS,
        overlay: RunOverlay | None = None,
    ) -> None:
        """Take in a run, and others to be drawn with it, at the time `now` (seconds since the epoch).

        Drawn at most every `spacing` seconds while there is nothing new but steps.
        """
        view, overlay = view or self._view, overlay or self._overlay
        self._history = history
        newest = history.markers[-1] if history.markers else None
        samples = {"steps": 0, "layers": len(history.layer_stats), "hardware": len(history.hardware_samples)}
        counts = (history.steps.count, samples[self.metric.source], [run.count for run in overlay.runs])
        others = [run.state for run in overlay.runs]
        state = (counts, history, view, overlay, others, len(history.epochs), history.epochs_planned, newest)
        soon = 0 <= now - self._drawn_at < spacing and state[1:] == self._drawn_state[1:]
        if state == self._drawn_state or (soon and not history.is_over):
            return
        self._view, self._overlay = view, overlay
        self._drawn_state, self._drawn_at = state, now
        self.redraw()

    def draw(self) -> list[Text]:
        """The plot; its legend is the frame's title, what the x axis counts its subtitle."""
        history, width, height = self._history, self.size.width, self.size.height
        self.canvas = None
        if history is None or not history.steps.count or not width or not height:
            return []
        self.builds += 1
        view, overlay, metric = self._view, self._overlay, self.metric
        colours, scale = palette(self.app.theme_variables), scale_of(history, view, overlay.histories)
        data = drawn(history, metric, view, scale, width, self._sampled) if not overlay.alone else None
        points = validated(history, metric, scale) if not overlay.alone else None
        room = width - FRAME_COLUMNS
        if overlay.alone:
            self.set_title(overlay_legend(metric, overlay, room))
        else:
            each = partial(self._gpus.parts, history, metric)
            self.set_title(legend(history, metric, view, data, points, self._sampled, room, each))
        subtitle = axis_words(scale, metric, view, room)
        if subtitle != self.border_subtitle:
            # later: the frame may be just being painted, and Textual would take it for clean
            self.call_later(setattr, self, "border_subtitle", subtitle)
        below, above = own_series(metric, data, points, view, colours)
        if not overlay.runs:
            above += self._gpus.series(history, metric, view, scale, width, self.app.theme_variables)
        series = [*below, *self._other_series(scale, width), *above]
        ansi = draw(series, self._axes(scale, colours), width, height)
        lines = [Text.from_ansi(line) for line in ansi.splitlines()]
        if len(lines) > AXIS_ROWS:
            self._annotate(lines, history, scale, colours, data, points)
        return lines

    def _other_series(self, scale: Scale, width: int) -> list[Series]:
        """The other runs: first all lines, then all markers, so that every run can be told wherever it is marked."""
        lines: list[Series] = []
        markers: list[Series] = []
        view, metric, runs = self._view, self.metric, self._overlay.ordered
        self._others = {run.key: self._others.get(run.key) or Other() for run in runs}
        for run in runs:
            beside = scale.beside(run.history)
            if beside is None:
                continue
            data = self._others[run.key].drawn(run, metric, view, beside, width)
            points = validated(run.history, metric, beside)
            colour = run.sign.colour(self.app.theme_variables).rgb
            some_lines, some_markers = other_series(metric, data, points, view, scale, run.sign, colour)
            lines += some_lines
            markers += some_markers
        return lines + markers

    def _annotate(
        self,
        lines: list[Text],
        history: History,
        scale: Scale,
        colours: Palette,
        data: PlotPoints | None,
        points: Validated | None,
    ) -> None:
        """Put the marks onto the axis of a drawn plot, and the cursor through it."""
        axis = lines[-AXIS_ROWS]
        left = axis.plain.find("└") + 1
        columns = len(axis.plain.rstrip()) - left
        self.canvas = Canvas(left, columns, scale, history)
        marks: list[tuple[float, str]] = []
        if not self._overlay.alone:
            places = scale.places(history, np.array([float(mark.step) for mark in history.markers]))
            marks += [(float(place), mark.kind) for place, mark in zip(places, history.markers, strict=True)]
        for broken in (data, points):
            if broken is not None:
                marks += [(float(place), "broken") for place in broken.broken]
        mark_axis(axis, marks, scale.limits, self.app.theme_variables)
        if self._view.cursor is not None:
            (place,) = scale.places(history, np.array([float(self._view.cursor)]))
            ruler = "└".rjust(left) + "─" * columns
            draw_cursor(lines[: -AXIS_ROWS + 1], float(place), ruler, scale.limits, colours)

    def _axes(self, scale: Scale, colours: Palette) -> Axes:
        unit = " %" if self.metric.unit == "%" else ""
        return Axes(
            format_x=tick_words,
            format_y=lambda value, decimals: tick_words(value, decimals) + unit,
            ticks=colours.quiet.rgb,
            background=colours.background.rgb,
            x_limits=scale.limits,
            y_bounds=self.metric.bounds,
            log=self._view.log,
        )

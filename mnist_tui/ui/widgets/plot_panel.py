"""A framed plot of one metric: its training steps as a line over their envelope, its validation epochs as points."""

from typing import Literal

import numpy as np
from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.metrics import Metric
from mnist_tui.render.plot import Axes, Series, draw, smooth
from mnist_tui.runs.history import History
from mnist_tui.ui.theme import palette

SMOOTHING = 0.95
"""Weight of the past in the smoothed line: about the last 20 steps."""
TRAIN_SIGN, VALIDATION_SIGN, BEST_SIGN = "━", "●", "★"


class PlotPanel(Widget):
    """Repaints when the history's revision, the theme or the size changes; holds the last drawing until then."""

    DEFAULT_CSS = """
    PlotPanel {
        border: round $frame;
        border-title-color: $foreground;
        border-subtitle-color: $quiet;
        height: 1fr;
        min-width: 14;
    }
    """

    revision: reactive[int] = reactive(-1)

    def __init__(self, metric: Metric, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.metric = metric
        self._history: History | None = None
        self._drawn: tuple[object, ...] = ()
        self._drawing = Text()

    def show(self, history: History) -> None:
        """Take in a new moment of the run."""
        self._history = history
        self.revision = history.revision
        self._label()

    def on_resize(self) -> None:
        """The legend is as long as the frame allows."""
        self._label()

    def _label(self) -> None:
        if self._history is not None:
            self.border_title = self._legend(self._history)
            self.border_subtitle = "steps"

    def render(self) -> RenderResult:
        history, size = self._history, self.size
        if history is None or not history.steps.count:
            return Text("")
        state = (history.steps.count, len(history.epochs), size, self.app.theme)
        if state != self._drawn:
            self._drawn = state
            self._drawing = Text.from_ansi(draw(self._series(history), self._axes(history), size.width, size.height))
            self._drawing.no_wrap = True
        return self._drawing

    def _series(self, history: History) -> list[Series]:
        colours = palette(self.app.theme_variables)
        metric, table = self.metric, history.steps
        x, y = table.column("step"), table.column(metric.key) * metric.scale
        if metric.higher_is_better is None:
            return [Series(x, y, colours.train.rgb)]
        faint = colours.background.blend(colours.train, 0.38)
        worst: Literal["high", "low"] = "low" if metric.higher_is_better else "high"
        series = [
            Series(x, y, faint.rgb, worst=worst),
            Series(x, smooth(y, SMOOTHING), colours.train.rgb, worst=worst),
        ]
        if metric.validation_key is not None:
            steps, values = history.validation(metric.validation_key)
            values = values * metric.scale
            chosen = np.array([epoch is history.best_epoch for epoch in history.epochs], dtype=bool)
            series.append(Series(steps, values, colours.validation.rgb, VALIDATION_SIGN))
            series.append(Series(steps[chosen], values[chosen], colours.validation.rgb, BEST_SIGN))
        return series

    def _axes(self, history: History) -> Axes:
        colours = palette(self.app.theme_variables)
        last = float(history.steps.column("step")[-1])
        planned = history.started.epochs * history.started.steps_per_epoch if history.started else last
        return Axes(
            format_x=lambda value, decimals: f"{value:,.{decimals}f}",
            format_y=self._tick,
            ticks=colours.quiet.rgb,
            background=colours.background.rgb,
            x_limits=(0.0, max(2.0, planned if last > planned * 0.8 else last * 1.02)),
            y_bounds=self.metric.bounds,
        )

    def _tick(self, value: float, decimals: int) -> str:
        return f"{value:,.{decimals}f}{' %' if self.metric.unit == '%' else ''}"

    def _legend(self, history: History) -> str:
        """Each curve with its sign and newest value; names and the best epoch where there is room for them."""
        metric, best = self.metric, history.best_epoch
        if not history.steps.count:
            return metric.label
        train = metric.format(history.recent(metric.key))
        if metric.validation_key is None:
            return f"{metric.label}  [$train]{train}[/]"
        curves = [("train", TRAIN_SIGN, "train", train)]
        if history.epochs:
            last = metric.format(getattr(history.epochs[-1], metric.validation_key))
            curves.append(("validation", VALIDATION_SIGN, "val", last))
        if best is not None:
            curves.append(("validation", BEST_SIGN, "best", f"epoch {best.epoch}"))
        room = self.size.width - 4
        for named, shown in ((True, curves), (True, curves[:2]), (False, curves[:2])):
            parts = [
                (colour, f"{sign} {name} {value}" if named else f"{sign} {value}")
                for colour, sign, name, value in shown
            ]
            if len(metric.label) + sum(2 + len(words) for _, words in parts) <= room:
                break
        return metric.label + "".join(f"  [${colour}]{words}[/]" for colour, words in parts)

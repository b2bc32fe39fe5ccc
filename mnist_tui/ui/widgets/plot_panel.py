"""A framed plot of one metric: its training steps as a line over their envelope, its validation epochs as points."""

import math
from typing import Literal

import numpy as np
from rich.text import Text

from mnist_tui.metrics import Metric
from mnist_tui.render.plot import Axes, Series, draw, smooth
from mnist_tui.runs.history import History
from mnist_tui.ui.theme import palette
from mnist_tui.ui.widgets.line_widget import LineWidget

SMOOTHED_SHARE = 1 / 60
"""Share of the drawn steps that the smoothed line averages over: about a column's width."""
MOST_SMOOTHED = 100
"""Steps that it averages over at most."""
FRAME_SECONDS = 0.7
"""Least time between two drawings while steps come; a plot costs 10 to 30 ms."""
STAGES = (1, 1.5, 2, 3, 5, 7.5, 10)
"""Ends of the step axis, times powers of ten: it grows in stages, between which only the curve's end moves."""
TRAIN_SIGN, VALIDATION_SIGN, BEST_SIGN = "━", "●", "★"


class PlotPanel(LineWidget):
    """Draws anew when there are new steps, but not more often than FRAME_SECONDS."""

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
        self.set_title(metric.label)
        self._history: History | None = None
        self._drawn_steps = (0, 0)
        self._drawn_at = 0.0

    def show(self, history: History, now: float) -> None:
        """Take in a run at the time `now` (seconds since the epoch)."""
        self._history = history
        state = (history.steps.count, len(history.epochs))
        soon = 0 <= now - self._drawn_at < FRAME_SECONDS and state[1] == self._drawn_steps[1]
        if state == self._drawn_steps or (soon and not history.is_over):
            return
        self._drawn_steps, self._drawn_at = state, now
        self.redraw()

    def draw(self) -> list[Text]:
        """The plot; its legend is the frame's title."""
        history = self._history
        if history is None or not history.steps.count:
            return []
        self.set_title(self._legend(history))
        ansi = draw(self._series(history), self._axes(history), self.size.width, self.size.height)
        return [Text.from_ansi(line) for line in ansi.splitlines()]

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
            Series(x, smooth(y, smoothing_weight(len(y))), colours.train.rgb, worst=worst),
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
        planned = history.started.epochs * history.started.steps_per_epoch if history.started else 0
        return Axes(
            format_x=lambda value, decimals: f"{value:,.{decimals}f}",
            format_y=self._tick,
            ticks=colours.quiet.rgb,
            background=colours.background.rgb,
            x_limits=(0.0, stage(float(history.steps.column("step")[-1]), planned)),
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


def smoothing_weight(steps: int) -> float:
    """Weight of the past in the smoothed line of so many steps."""
    return 1 - 1 / min(MOST_SMOOTHED, max(1.0, steps * SMOOTHED_SHARE)) if steps > 1 else 0.0


def stage(last: float, planned: float) -> float:
    """Where the step axis ends: the next stage after the newest step, or the planned end once that is near."""
    power = 10.0 ** math.floor(math.log10(max(last, 1.0)))
    end = max(20.0, next(factor * power for factor in STAGES if factor * power >= last))
    return planned if last <= planned <= end * 1.4 else end

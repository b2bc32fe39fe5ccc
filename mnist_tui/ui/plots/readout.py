"""One line under the plots with the values recorded at the step under the cursor."""

from collections.abc import Sequence

import numpy as np
from rich.text import Text

from mnist_tui.events import RollingEvaluated
from mnist_tui.metrics import Metric
from mnist_tui.render.text import clip_parts, duration
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.data import read_at, rolling_interval
from mnist_tui.ui.shared.line_widget import LineWidget


class CursorReadout(LineWidget):
    """Shows as many values as fit, not smoothed; hidden without a cursor."""

    DEFAULT_CSS = "CursorReadout { height: 1; padding: 0 1; background: $surface; color: $foreground; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""

    def show(self, history: History, metrics: Sequence[Metric], cursor: int | None) -> None:
        """Show the metrics' values at the step `cursor`."""
        self.display = cursor is not None and history.steps.count > 0
        text = self._read(history, metrics, cursor) if cursor is not None and self.display else ""
        if text != self._text:
            self._text = text
            self.redraw()

    def draw(self) -> list[Text]:
        return [Text(clip_parts(self._text, self.size.width), no_wrap=True)]

    def _read(self, history: History, metrics: Sequence[Metric], cursor: int) -> str:
        (seconds,) = history.worked_at(np.array([float(cursor)]))
        per_epoch = history.started.steps_per_epoch if history.started else 0
        parts = [f"step {cursor:,}"]
        if per_epoch:
            parts.append(f"epoch {cursor / per_epoch:.2f}")
        parts.append(f"after {duration(float(seconds))}")
        for metric in metrics:
            read = read_at(history, metric, cursor)
            if read.step is None:
                continue
            at = f" at {read.step:,}" if read.step != cursor else ""
            parts.append(f"{metric.label} {metric.format(read.value)}{at}")
            if read.epoch is not None:
                parts.append(f"val {metric.format(read.validation)} (epoch {read.epoch})")
            if read.rolling is not None:
                parts.append(rolling_words(metric, read.rolling))
        return " · ".join(parts)


def rolling_words(metric: Metric, event: RollingEvaluated) -> str:
    """Return a metric's value in a rolling evaluation, with its interval and the steps of the predictions."""
    low, high = rolling_interval(metric, event)
    between = f"{metric.format(low).removesuffix(f' {metric.unit}')} to {metric.format(high)}, " if low == low else ""
    steps = f"steps {event.first_step:,} to {event.step:,}"
    return f"rolling {metric.format(event.validation.get(metric.key))} ({between}{steps})"

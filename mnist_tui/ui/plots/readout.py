"""One line under the plots: exactly what was recorded at the step under the value cursor."""

from collections.abc import Sequence

import numpy as np
from rich.text import Text

from mnist_tui.metrics import Metric
from mnist_tui.render.text import clip_parts, duration
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.data import Sampled, reading
from mnist_tui.ui.shared.line_widget import LineWidget


class CursorReadout(LineWidget):
    """There while there is a cursor. As many values as fit, raw and not smoothed."""

    DEFAULT_CSS = "CursorReadout { height: 1; padding: 0 1; background: $surface; color: $foreground; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words = ""
        self._sampled: dict[str, Sampled] = {}

    def show(self, history: History, metrics: Sequence[Metric], cursor: int | None) -> None:
        """Read the metrics off at the step `cursor`, in their order."""
        self.display = cursor is not None and history.steps.count > 0
        words = self._read(history, metrics, cursor) if cursor is not None and self.display else ""
        if words != self._words:
            self._words = words
            self.redraw()

    def draw(self) -> list[Text]:
        """The line."""
        return [Text(clip_parts(self._words, self.size.width), no_wrap=True)]

    def _read(self, history: History, metrics: Sequence[Metric], cursor: int) -> str:
        (seconds,) = history.worked_at(np.array([float(cursor)]))
        per_epoch = history.started.steps_per_epoch if history.started else 0
        parts = [f"step {cursor:,}"]
        if per_epoch:
            parts.append(f"epoch {cursor / per_epoch:.2f}")
        parts.append(f"after {duration(float(seconds))}")
        for metric in metrics:
            read = reading(history, metric, cursor, self._sampled.setdefault(metric.key, Sampled()))
            if read.step is None:
                continue
            words = f"{metric.label} {metric.format(read.value)}"
            if read.step != cursor:
                words += f" at {read.step:,}"
            parts.append(words)
            if read.epoch is not None:
                parts.append(f"val {metric.format(read.validation)} (epoch {read.epoch})")
        return " · ".join(parts)

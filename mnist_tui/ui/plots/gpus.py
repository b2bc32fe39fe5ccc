"""The GPUs of a machine beyond its first: each has a line and a colour of its own in the plots of what GPUs do."""

from textual.color import Color

from mnist_tui.metrics import Metric
from mnist_tui.render.plot import Series
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.data import Sampled, drawn, reading
from mnist_tui.ui.plots.legend import TRAIN_SIGN, Part
from mnist_tui.ui.plots.run_styles import RunSign
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.plots.view import PlotView

MOST = 8
"""Lines that can still be told apart."""


class OtherGpus:
    """What was read of them for one metric; nothing for a metric that is not of a GPU, or with one GPU alone."""

    def __init__(self) -> None:
        self._sampled: dict[int, Sampled] = {}

    def series(
        self, history: History, metric: Metric, view: PlotView, scale: Scale, columns: int, variables: dict[str, str]
    ) -> list[Series]:
        """Their lines."""
        found = []
        for number, sampled in self._others(history, metric):
            data = drawn(history, metric, view, scale, columns, sampled)
            if data is not None:
                found.append(Series(data.x, data.smoothed, _colour(number, variables).rgb))
        return found

    def parts(self, history: History, metric: Metric, first: Part, at: int) -> list[Part]:
        """The legend of all of them at a step: `first` numbered, and the others; empty where there are no others."""
        others = [
            Part(RunSign(number).variable, TRAIN_SIGN, str(number), metric.format(read.value))
            for number, sampled in self._others(history, metric)
            for read in [reading(history, metric, at, sampled)]
        ]
        return [Part(first.colour, TRAIN_SIGN, "0", first.value), *others] if others else []

    def _others(self, history: History, metric: Metric) -> list[tuple[int, Sampled]]:
        if not metric.is_of_gpu or history.hardware is None:
            return []
        return [
            (number, self._sampled.setdefault(number, Sampled(number)))
            for number in range(1, min(MOST, len(history.hardware.gpus)))
        ]


def _colour(number: int, variables: dict[str, str]) -> Color:
    return RunSign(number).colour(variables)

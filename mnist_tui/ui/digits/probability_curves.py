"""Widget that plots the class probabilities of one digit over the epochs."""

from dataclasses import dataclass

import numpy as np
from rich.text import Text

from mnist_tui.render.plot import Axes, Series, draw
from mnist_tui.render.text import clip
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of

FAINT = 0.02
"""Lowest maximum probability that is plotted."""
TRUE_SIGN, PREDICTED_SIGN = "●", "◆"


@dataclass(frozen=True)
class ProbabilityHistory:
    """The probabilities of one digit after each epoch."""

    epochs: tuple[int, ...]
    probabilities: tuple[tuple[float, ...], ...]
    """One row per epoch, one column per class."""
    true: int
    predicted: int
    """Predicted class at the current epoch."""
    names: tuple[str, ...]


class ProbabilityCurves(LineWidget):
    """Curves of the true and the predicted class with a mark per epoch; the other classes are faint."""

    def __init__(self) -> None:
        super().__init__()
        self._history: ProbabilityHistory | None = None

    def show(self, history: ProbabilityHistory | None) -> None:
        """Show another digit, or more epochs."""
        if history != self._history:
            self._history = history
            self.redraw()

    def draw(self) -> list[Text]:
        history = self._history
        if history is None or not history.epochs or self.size.height < 6:
            return []
        colours = palette_of(self)
        x = np.array(history.epochs, dtype=np.float64)
        values = np.array(history.probabilities, dtype=np.float64) * 100
        series = [
            Series(x, values[:, each], colours.faint.rgb)
            for each in range(values.shape[1])
            if each not in (history.true, history.predicted) and np.nanmax(values[:, each], initial=0) > FAINT * 100
        ]
        legend = Text.assemble(("%  ", paint(colours.quiet)))
        marked = [(history.true, colours.true_class, TRUE_SIGN, "true")]
        if history.predicted != history.true:
            marked.insert(0, (history.predicted, colours.predicted_class, PREDICTED_SIGN, "predicted"))
        for each, colour, sign, role in marked:
            series += [Series(x, values[:, each], colour.rgb), Series(x, values[:, each], colour.rgb, sign)]
            name = clip(history.names[each], max(1, (self.size.width - 4) // len(marked) - len(f"  ({role})  ")))
            legend.append(f"{sign} {name} ({role})  ", paint(colour))
        first, last = history.epochs[0], history.epochs[-1]
        margin = 0.1 if first < last else 0.5
        axes = Axes(
            format_x=lambda value, decimals: f"{value:.0f}" if not decimals or abs(value - round(value)) < 1e-6 else "",
            format_y=lambda value, decimals: f"{value:.{decimals}f}",
            ticks=colours.quiet.rgb,
            background=colours.background.rgb,
            x_limits=(first - margin, last + margin),
            y_bounds=(0.0, 100.0),
        )
        plot = draw(series, axes, self.size.width, self.size.height - 1)
        legend.truncate(max(1, self.size.width))
        return [legend, *(plot.lines if plot is not None else ())]

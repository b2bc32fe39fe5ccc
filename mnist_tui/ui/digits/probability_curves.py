"""The probabilities of one digit's classes as curves over the epochs."""

from dataclasses import dataclass

import numpy as np
from rich.text import Text

from mnist_tui.render.plot import Axes, Series, draw
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of

FAINT = 0.02
"""A class that never got as much as this has no curve."""
TRUE_SIGN, PREDICTED_SIGN = "●", "◆"


@dataclass(frozen=True)
class Course:
    """One digit over the epochs."""

    epochs: tuple[int, ...]
    probabilities: tuple[tuple[float, ...], ...]
    """One row an epoch, one column a class."""
    true: int
    predicted: int
    """At the epoch that is looked at."""
    names: tuple[str, ...]
    epoch: int | None
    """What is looked at."""


class ProbabilityCurves(LineWidget):
    """True and predicted class in their colours, each with a mark an epoch; the others faint."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._course: Course | None = None

    def show(self, course: Course | None) -> None:
        """Show another digit, or more epochs of it."""
        if course != self._course:
            self._course = course
            self.redraw()

    def draw(self) -> list[Text]:
        """The legend and the plot."""
        course = self._course
        if course is None or not course.epochs or self.size.height < 6:
            return []
        colours = palette_of(self)
        x = np.array(course.epochs, dtype=np.float64)
        values = np.array(course.probabilities, dtype=np.float64) * 100
        series = [
            Series(x, values[:, each], colours.quiet.blend(colours.background, 0.55).rgb)
            for each in range(values.shape[1])
            if each not in (course.true, course.predicted) and np.nanmax(values[:, each], initial=0) > FAINT * 100
        ]
        legend = Text.assemble(("%  ", paint(colours.quiet)))
        marked = [(course.true, colours.true_class, TRUE_SIGN, "true")]
        if course.predicted != course.true:
            marked.insert(0, (course.predicted, colours.predicted_class, PREDICTED_SIGN, "read as"))
        for each, colour, sign, role in marked:
            series += [Series(x, values[:, each], colour.rgb), Series(x, values[:, each], colour.rgb, sign)]
            legend.append(f"{sign} {course.names[each]} ({role})  ", paint(colour))
        first, last = course.epochs[0], course.epochs[-1]
        axes = Axes(
            format_x=lambda value, decimals: f"{value:.0f}" if not decimals or abs(value - round(value)) < 1e-6 else "",
            format_y=lambda value, decimals: f"{value:.{decimals}f}",
            ticks=colours.quiet.rgb,
            background=colours.background.rgb,
            x_limits=(float(first) - 0.1, float(max(last, first + 1)) + 0.1),
            y_bounds=(0.0, 100.0),
        )
        plot = draw(series, axes, self.size.width, self.size.height - 1)
        legend.truncate(max(1, self.size.width))
        return [legend, *(plot.lines if plot is not None else ())]

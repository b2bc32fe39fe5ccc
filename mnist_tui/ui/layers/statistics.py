"""The statistics of a layer's outputs: numbers and a histogram, twice in a comparison."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from mnist_tui.control.protocol import LayerView
from mnist_tui.render.bars import log_share, upright_bars
from mnist_tui.render.text import cell_len, clip, clip_parts, figure, percent
from mnist_tui.ui.layers.views import weight_norm
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

HISTOGRAM_LINES = 4, 3
"""Lines of a histogram, and of each in a comparison."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A layer with the words above its statistics."""

    layer: LayerView
    heading: str
    parameters: int = 0
    """Number of its parameters; 0 if it has none or if that is unknown."""


def statistics_lines(subject: Subject, colours: Palette, width: int, height: int = HISTOGRAM_LINES[0]) -> list[Text]:
    """Draw the statistics of a layer's outputs in `width` cells: numbers, then a histogram of `height` lines."""
    layer, quiet = subject.layer, paint(colours.quiet)
    values = (("mean", layer.mean), ("deviation", layer.deviation), ("‖w‖", weight_norm(layer)))
    facts = [(name, figure(value)) for name, value in values if value is not None]
    if layer.dead is not None:
        facts.append(("dead", percent(layer.dead, 1)))
    if subject.parameters:
        facts.append(("parameters", f"{subject.parameters:,}"))
    lines = [Text(clip(subject.heading, width), paint(colours.foreground, bold=True))]
    if layer.mean is None:
        lines.append(Text(clip("no statistics: not all outputs are finite", width), quiet))
    lines += fact_lines(facts, colours, width)
    if len(layer.inputs) > 1:
        lines.append(Text(clip("takes " + ", ".join(layer.inputs), width), quiet))
    return lines + histogram_lines(layer, colours, width, height)


def fact_lines(facts: Iterable[tuple[str, str]], colours: Palette, width: int) -> list[Text]:
    """Draw names with their values, as many on a line as fit into `width` cells."""
    lines = [Text(no_wrap=True)]
    for name, value in facts:
        if lines[-1].cell_len and lines[-1].cell_len + cell_len(name) + cell_len(value) + 3 > width:
            lines.append(Text(no_wrap=True))
        lines[-1].append(f"{'  ' if lines[-1].cell_len else ''}{name} ", paint(colours.quiet))
        lines[-1].append(value, paint(colours.foreground))
    return lines


def histogram_lines(layer: LayerView, colours: Palette, width: int, height: int) -> list[Text]:
    """Draw the histogram of a layer's outputs in `height` lines, on a logarithmic scale, with its ends below."""
    if not layer.histogram:
        return []
    bins = [layer.histogram[column * len(layer.histogram) // width] for column in range(width)]
    drawn = upright_bars([log_share(count, max(bins)) for count in bins], 1, height)
    low, high = (figure(edge) for edge in layer.edges)
    room = max(0, width - len(low) - len(high))
    middle = clip_parts(f"{sum(layer.histogram):,} outputs · log scale", room - 2).center(room)
    return [
        *(Text(line, paint(colours.accent)) for line in drawn),
        Text(f"{low}{middle}{high}", paint(colours.quiet)),
    ]


class LayerStatistics(LineWidget):
    """The statistics of the selected layer, and what it is there for as far as there is room."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._subjects: tuple[Subject, ...] = ()
        self._explanation = ""

    def show(self, subjects: tuple[Subject, ...], explanation: str) -> None:
        """Show a layer, or both of a comparison; none if there are no statistics."""
        before = [(each.layer, each.heading) for each in self._subjects]
        if [(each.layer, each.heading) for each in subjects] != before:
            self._subjects, self._explanation = subjects, explanation
            self.redraw()

    def draw(self) -> list[Text]:
        width, colours = max(1, self.size.width), palette_of(self)
        height = HISTOGRAM_LINES[len(self._subjects) > 1]
        lines = [line for subject in self._subjects for line in statistics_lines(subject, colours, width, height)]
        room = self.size.height - len(lines) - 1
        if lines and self._explanation and room > 0:
            words = Text(self._explanation, paint(colours.quiet)).wrap(self.app.console, width)
            lines += [Text(), *words[:room]]
        return lines

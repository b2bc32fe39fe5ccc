"""The predictions of a drawing as it is and as MNIST would see it, side by side as bars."""

from dataclasses import dataclass

from rich.text import Text

from mnist_tui.render.text import bar, clip, padded, percent, widest
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

COLUMNS = ("as drawn", "centred")
SHARE_WIDTH = len("100.0 % ")
GAP = "  "


@dataclass(frozen=True)
class PredictedPair:
    """Predictions of the drawing and of its centred image."""

    names: tuple[str, ...]
    """Class names."""
    probabilities: tuple[tuple[float, ...], ...]
    """Two rows of as many numbers as there are classes."""
    distances: tuple[float, ...]
    """Distances to the validation images; empty if they are unknown."""
    limit: float
    """Distance above which an image is unlike any validation image."""

    @property
    def predicted(self) -> tuple[int, ...]:
        """The two predicted classes."""
        return tuple(max(range(len(row)), key=row.__getitem__) for row in self.probabilities)

    def leading(self, count: int) -> list[int]:
        """Return at most `count` classes, at least the predicted ones, in their order; the most probable are kept."""
        highest = [max(shares) for shares in zip(*self.probabilities, strict=True)]
        ranked = sorted(range(len(highest)), key=lambda each: -highest[each])
        return sorted(list(dict.fromkeys([*self.predicted, *ranked]))[: max(2, count)])


def pair_lines(pair: PredictedPair, colours: Palette, width: int, height: int) -> list[Text]:
    """Draw a heading, a line for each class with a bar in both columns, and the distances."""
    has_distances = len(pair.distances) == len(COLUMNS)
    shown = pair.leading(height - 1 - has_distances)
    label = min(widest([pair.names[each] for each in shown]), width // 4)
    column = max(SHARE_WIDTH + 3, (width - label - len(COLUMNS) * len(GAP)) // len(COLUMNS))
    quiet, plain = paint(colours.quiet), paint(colours.foreground)
    heading = Text(" " * label)
    for words, predicted in zip(COLUMNS, pair.predicted, strict=True):
        name = clip(pair.names[predicted], column - len(words) - 2)
        heading.append(f"{GAP}{words}: ", quiet).append(name, paint(colours.predicted_class, bold=True))
        heading.pad_right(max(0, column - len(words) - 2 - Text(name).cell_len))
    lines = [heading]
    for each in shown:
        line = Text(padded(pair.names[each], label, "right"), plain)
        for row, predicted in zip(pair.probabilities, pair.predicted, strict=True):
            is_first = each == predicted
            colour = colours.predicted_class if is_first else colours.quiet
            line.append(GAP).append(bar(row[each], column - SHARE_WIDTH), paint(colour, colours.surface))
            line.append(percent(row[each], 1).rjust(SHARE_WIDTH), paint(colour, bold=is_first))
        lines.append(line)
    if has_distances:
        line = Text(" " * label)
        for distance in pair.distances:
            words = f"distance {distance:.3f}" + (": unlike" if distance > pair.limit else "")
            line.append(GAP).append(padded(words, column), paint(colours.wrong) if distance > pair.limit else quiet)
        lines.append(line)
    is_spaced = 2 * len(lines) - 1 <= height
    return [each for line in lines for each in ((line, Text()) if is_spaced else (line,))]


class PairBars(LineWidget):
    """The bars, or a sentence on why there are none."""

    def __init__(self) -> None:
        super().__init__(id="bars")
        self._shown: PredictedPair | str = ""

    def show(self, shown: PredictedPair | str) -> None:
        """Show predictions or a sentence."""
        if shown != self._shown:
            self._shown = shown
            self.redraw()

    def draw(self) -> list[Text]:
        colours = palette_of(self)
        if isinstance(self._shown, str):
            text = Text(self._shown, paint(colours.quiet))
            return list(text.wrap(self.app.console, max(1, self.size.width)))
        return pair_lines(self._shown, colours, *self.size)

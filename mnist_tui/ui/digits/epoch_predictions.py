"""What one digit was read as after each epoch: did the network learn it, lose it, or never get it."""

from dataclasses import dataclass

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.render.text import percent, rule_bar
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


@dataclass(frozen=True)
class EpochPrediction:
    """One epoch's answer to the digit."""

    epoch: int
    predicted: str
    """Class name."""
    confidence: float
    """Probability of the answer, 0..1."""
    right: bool
    chosen: bool
    """Whether this is the epoch that the screen shows."""


def reading_lines(readings: tuple[EpochPrediction, ...], colours: Palette, width: int, height: int) -> Text:
    """One line an epoch, the oldest first; the newest that fit."""
    shown = readings[-max(1, height) :]
    number, name = max(len(str(each.epoch)) for each in shown), max(len(each.predicted) for each in shown)
    room = max(3, width - number - name - 35)
    lines = []
    for each in shown:
        colour = colours.true_class if each.right else colours.predicted_class
        lines.append(
            Text.assemble(
                ("▸ " if each.chosen else "  ", paint(colours.accent, bold=True)),
                (f"epoch {each.epoch:>{number}}  ", paint(colours.foreground if each.chosen else colours.quiet)),
                ("read as ", paint(colours.quiet)),
                (each.predicted.ljust(name), paint(colour, bold=True)),
                ("  right  " if each.right else "  wrong  ", paint(colours.quiet)),
                (rule_bar(each.confidence, room), paint(colour)),
                (f"{percent(each.confidence, 1):>8}", paint(colours.foreground, bold=each.chosen)),
            )
        )
    return Text("\n").join(lines)


class EpochPredictions(Widget):
    """Repaints when the readings change."""

    readings: reactive[tuple[EpochPrediction, ...]] = reactive(())
    """The oldest epoch first; empty until they have been read from disk."""

    def render(self) -> RenderResult:
        if not self.readings:
            return ""
        return reading_lines(self.readings, palette_of(self), self.size.width, self.size.height)

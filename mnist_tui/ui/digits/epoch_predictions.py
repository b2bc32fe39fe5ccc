"""Widget that lists the prediction for one digit after each epoch."""

from dataclasses import dataclass

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.render.text import padded, percent, rule_bar, widest
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


@dataclass(frozen=True)
class EpochPrediction:
    """The prediction after one epoch."""

    epoch: int
    predicted: str
    """Class name."""
    confidence: float
    """Probability of the predicted class, 0..1."""
    correct: bool
    is_current: bool
    """True for the epoch that the screen shows."""


def prediction_lines(predictions: tuple[EpochPrediction, ...], colours: Palette, width: int, height: int) -> Text:
    """Draw one line per epoch, oldest first; older ones that do not fit are left out."""
    shown = predictions[-max(1, height) :]
    number = max(len(str(each.epoch)) for each in shown)
    name = min(widest([each.predicted for each in shown]), max(1, width - number - 32))
    with_words = width >= number + name + 42
    room = max(3, width - number - name - (39 if with_words else 29))
    lines = []
    for each in shown:
        colour = colours.true_class if each.correct else colours.predicted_class
        lines.append(
            Text.assemble(
                ("▸ " if each.is_current else "  ", paint(colours.accent, bold=True)),
                (f"epoch {each.epoch:>{number}}  ", paint(colours.foreground if each.is_current else colours.quiet)),
                ("predicted " if with_words else "", paint(colours.quiet)),
                (padded(each.predicted, name), paint(colour, bold=True)),
                ("  correct  " if each.correct else "  wrong    ", paint(colours.quiet)),
                (rule_bar(each.confidence, room), paint(colour)),
                (f"{percent(each.confidence, 1):>8}", paint(colours.foreground, bold=each.is_current)),
            )
        )
    return Text("\n").join(lines)


class EpochPredictions(Widget):
    """The predictions for one digit; repaints when they change."""

    predictions: reactive[tuple[EpochPrediction, ...]] = reactive(())
    """Oldest epoch first; empty until they are loaded."""

    def render(self) -> RenderResult:
        if not self.predictions:
            return ""
        return prediction_lines(self.predictions, palette_of(self), self.size.width, self.size.height)

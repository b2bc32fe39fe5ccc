"""What the network gave each class, as bars; the true and the predicted class in their colours and in words."""

from dataclasses import dataclass

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.render.text import bar, clip
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


@dataclass(frozen=True)
class BarChart:
    """The network's answer to one digit."""

    probabilities: tuple[float, ...]
    names: tuple[str, ...]
    true: int
    predicted: int
    known_as: str = "true"
    """What the true class is called."""

    def role(self, position: int) -> str:
        """What a class is to this digit, in words."""
        if position == self.true == self.predicted:
            return f"{self.known_as} and read"
        return self.known_as if position == self.true else "read as" if position == self.predicted else ""


def probability_lines(answer: BarChart, colours: Palette, width: int, height: int) -> Text:
    """One line a class, with a blank one between where there is room for all."""
    label = min(12, max(len(name) for name in answer.names))
    role = max(len(answer.role(each)) for each in range(len(answer.names)))
    room = max(3, width - label - role - 13)
    lines = []
    for position, (name, share) in enumerate(zip(answer.names, answer.probabilities, strict=True)):
        word = answer.role(position)
        colour = colours.quiet
        if word:
            colour = colours.true_class if position == answer.true else colours.predicted_class
        lines.append(
            Text.assemble(
                (clip(name, label).rjust(label) + "  ", paint(colour if word else colours.foreground, bold=bool(word))),
                (word.ljust(role) + "  ", paint(colour)),
                (bar(share, room), paint(colour, colours.surface)),
                (
                    f"{share:>7.1%}".replace("%", " %"),
                    paint(colours.foreground if word else colours.quiet, bold=bool(word)),
                ),
            )
        )
    spaced = 2 * len(lines) - 1 <= height
    return Text("\n\n" if spaced else "\n").join(lines)


class ProbabilityBars(Widget):
    """Repaints when the answer changes."""

    answer: reactive[BarChart | None] = reactive(None)
    """What is shown."""

    def render(self) -> RenderResult:
        if self.answer is None:
            return ""
        return probability_lines(self.answer, palette_of(self), self.size.width, self.size.height)

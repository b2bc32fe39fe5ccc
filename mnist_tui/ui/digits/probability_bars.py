"""Widget that draws the probability of each class as a bar, and marks the true and the predicted class."""

from dataclasses import dataclass, replace

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.render.text import bar, padded, widest
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


@dataclass(frozen=True)
class ClassProbabilities:
    """The probabilities of one prediction, by class."""

    probabilities: tuple[float, ...]
    names: tuple[str, ...]
    true: int
    predicted: int
    true_role: str = "true"
    """Word that marks the true class."""
    true_colour: str = "true_class"
    """Attribute of Palette: the colour of the true class."""

    def leading(self, count: int) -> "ClassProbabilities":
        """Return at most `count` classes, at least two: the marked ones, then the most probable."""
        most_probable = sorted(range(len(self.names)), key=lambda each: -self.probabilities[each])
        kept = sorted(list(dict.fromkeys([self.true, self.predicted, *most_probable]))[: max(2, count)])
        return replace(
            self,
            probabilities=tuple(self.probabilities[each] for each in kept),
            names=tuple(self.names[each] for each in kept),
            true=kept.index(self.true),
            predicted=kept.index(self.predicted),
        )

    def role(self, position: int) -> str:
        """Return the word that marks a class, if any."""
        roles = ((self.true_role, self.true), ("predicted", self.predicted))
        return ", ".join(word for word, marked in roles if marked == position)


def probability_lines(shown: ClassProbabilities, colours: Palette, width: int, height: int) -> Text:
    """Draw one line per class, with blank lines between them if they fit."""
    label = min(max(12, width // 3), widest(shown.names))
    role = max(len(shown.role(each)) for each in range(len(shown.names)))
    room = max(3, width - label - role - 13)
    lines = []
    for position, (name, share) in enumerate(zip(shown.names, shown.probabilities, strict=True)):
        word = shown.role(position)
        colour = colours.quiet
        if word:
            colour = getattr(colours, shown.true_colour) if position == shown.true else colours.predicted_class
        lines.append(
            Text.assemble(
                (padded(name, label, "right") + "  ", paint(colour if word else colours.foreground, bold=bool(word))),
                (word.ljust(role) + "  ", paint(colour)),
                (bar(share, room), paint(colour, colours.surface)),
                (
                    f"{share:>7.1%}".replace("%", " %"),
                    paint(colours.foreground if word else colours.quiet, bold=bool(word)),
                ),
            )
        )
    is_spaced = 2 * len(lines) - 1 <= height
    return Text("\n\n" if is_spaced else "\n").join(lines)


class ProbabilityBars(Widget):
    """The bars of one prediction; repaints when it changes."""

    shown: reactive[ClassProbabilities | None] = reactive(None)
    """Prediction that is drawn."""

    def render(self) -> RenderResult:
        if self.shown is None:
            return ""
        width, height = self.size
        return probability_lines(self.shown.leading(height), palette_of(self), width, height)

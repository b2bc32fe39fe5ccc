"""Precision, recall, F1 and support of every class, as a table."""

from dataclasses import dataclass

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.confusion import Report
from mnist_tui.render.text import clip
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

SCORES = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Scores:
    """A report with the names of its classes, and the class that is marked."""

    report: Report
    names: tuple[str, ...]
    chosen: int


def score_table(scores: Scores, colours: Palette, width: int) -> Text:
    """A heading, a line a class, and the mean over the classes; the lowest of each column stands out."""
    label = min(12, max(5, *(len(name) for name in scores.names)))
    column = max(7, min(14, (width - label) // 4))
    precision, support = ("precision", "support") if column >= 11 else ("prec.", "count")
    heads = [precision, "recall", "F1", support]
    lines = [Text("class".rjust(label) + "".join(head.rjust(column) for head in heads), style=paint(colours.quiet))]
    lowest = {
        key: min((value for each in scores.report.classes if (value := getattr(each, key)) is not None), default=None)
        for key in SCORES
    }
    for position, (name, each) in enumerate(zip(scores.names, scores.report.classes, strict=True)):
        chosen = position == scores.chosen
        line = Text(clip(name, label).rjust(label), style=paint(colours.true_class if chosen else None, bold=chosen))
        for key in SCORES:
            value = getattr(each, key)
            colour = colours.wrong if value is not None and value == lowest[key] and value < 1 else None
            line.append(_cell(value, column), paint(colour, bold=chosen))
        line.append(
            f"{each.support:,}".rjust(column), paint(colours.foreground if chosen else colours.quiet, bold=chosen)
        )
        lines.append(line)
    means = "".join(_cell(scores.report.mean(key), column) for key in SCORES)
    total = f"{scores.report.total:,}".rjust(column)
    lines.append(Text("mean".rjust(label) + means + total, style=paint(colours.quiet)))
    return Text("\n").join(lines)


def _cell(value: float | None, width: int) -> str:
    return ("–" if value is None else f"{value * 100:.2f}").rjust(width)


class ClassScores(Widget):
    """Repaints when the figures or the marked class change."""

    scores: reactive[Scores | None] = reactive(None)
    """What is shown; None before the first matrix."""

    def render(self) -> RenderResult:
        return "" if self.scores is None else score_table(self.scores, palette_of(self), self.size.width)

"""Table of precision, recall, F1 and support of every class."""

from dataclasses import dataclass

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.confusion import Report
from mnist_tui.render.text import clip, padded, widest
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

SCORES = ("precision", "recall", "f1")
LOWEST = "▾"
"""Before the lowest score of a column, if there are too few colours."""
NARROWEST = 7
"""Columns of a score, so that 100.00 fits."""


@dataclass(frozen=True)
class Scores:
    """A report with class names, and the class of the cursor's row."""

    report: Report
    names: tuple[str, ...]
    selected: int


def score_table(scores: Scores, colours: Palette, width: int, height: int) -> Text:
    """Draw a heading, one line per class, and the means; the lowest score of each column is highlighted.

    If there is no room for all classes, those around the selected one are drawn.
    """
    label = max(5, min(max(12, width // 4), widest(scores.names), width - 4 * NARROWEST))
    names = [clip(name, label) for name in scores.names]
    if len(set(names)) < len(names):  # clipped ones are alike
        names = [clip(f"{number} {name}", label) for number, name in enumerate(scores.names)]
    column = max(NARROWEST, min(14, (width - label) // 4))
    precision, support = ("precision", "support") if column >= 11 else ("prec.", "count")
    heads = [precision, "recall", "F1", support]
    lines = [Text("class".rjust(label) + "".join(head.rjust(column) for head in heads), style=paint(colours.quiet))]
    lowest = {
        key: min((value for each in scores.report.classes if (value := getattr(each, key)) is not None), default=None)
        for key in SCORES
    }
    count = min(len(scores.names), max(1, height - 2))
    first = min(max(0, scores.selected - count // 2), len(scores.names) - count)
    for position in range(first, first + count):
        each, selected = scores.report.classes[position], position == scores.selected
        line = Text(
            padded(names[position], label, "right"),
            style=paint(colours.true_class if selected else None, bold=selected),
        )
        for key in SCORES:
            value = getattr(each, key)
            is_lowest = value is not None and value == lowest[key] and value < 1
            sign = LOWEST if is_lowest and colours.needs_signs else ""
            line.append(_cell(value, column, sign), paint(colours.wrong if is_lowest else None, bold=selected))
        colour = colours.foreground if selected else colours.quiet
        line.append(f"{each.support:,}".rjust(column), paint(colour, bold=selected))
        lines.append(line)
    means = "".join(_cell(scores.report.mean(key), column) for key in SCORES)
    total = f"{scores.report.total:,}".rjust(column)
    lines.append(Text("mean".rjust(label) + means + total, style=paint(colours.quiet)))
    return Text("\n").join(lines)


def _cell(value: float | None, width: int, sign: str = "") -> str:
    return ("–" if value is None else f"{sign}{value * 100:.2f}").rjust(width)


class ClassScores(Widget):
    """The table; repaints when the scores or the selected class change."""

    scores: reactive[Scores | None] = reactive(None)
    """Scores that are shown; None before the first matrix."""

    def render(self) -> RenderResult:
        if self.scores is None:
            return ""
        return score_table(self.scores, palette_of(self), self.size.width, self.size.height)

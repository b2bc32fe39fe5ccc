"""Panel about the cell under the cursor: count, recall, precision, and the counts of recent epochs."""

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.change import BETTER, SAME, WORSE
from mnist_tui.render.text import cell_len, clip_pair, padded, percent, rule_bar
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

TALL = 9
"""Lines from which blank lines and a bar per epoch are drawn."""


@dataclass(frozen=True)
class SelectedCell:
    """One cell of the confusion matrix and its history."""

    true: str
    """Class name."""
    predicted: str
    """Class name."""
    count: int
    support: int
    """Examples of the true class."""
    recall: float | None
    """Recall of the true class, 0..1."""
    precision: float | None
    """Precision of the predicted class, 0..1."""
    trend: tuple[tuple[int, int], ...]
    """(epoch, count) up to the current epoch, oldest first."""
    comparison: str = ""
    """Reference and change of the count in words."""
    direction: int = SAME
    """BETTER, SAME or WORSE than the reference."""

    @property
    def is_correct(self) -> bool:
        """Return True if the cell is on the diagonal."""
        return self.true == self.predicted


def cell_words(cell: SelectedCell, colours: Palette, width: int, height: int) -> Text:
    """Return the panel's text, the most important lines first."""
    quiet, is_tall = paint(colours.quiet), height >= TALL
    share = f"  {percent(cell.count / cell.support)}" if cell.support else ""
    counts = f"{cell.count:,} of {cell.support:,}"
    between, end = " predicted correctly" if cell.is_correct else " predicted as ", ": "
    second = "" if cell.is_correct else cell.predicted
    if cell_len(cell.true + between + second + end + counts) > width:
        between = " correct" if cell.is_correct else " → "
    true, predicted = clip_pair(cell.true, second, width - len(between + end + counts))
    count = Text.assemble(
        (true, paint(colours.true_class, bold=True)),
        between,
        (predicted, paint(colours.predicted_class, bold=True)),
        end,
        (counts, paint(bold=True)),
    )
    count.append(share if count.cell_len + len(share) <= width else "", quiet)
    lines = [count]
    if cell.comparison:
        colour = {BETTER: colours.success, WORSE: colours.wrong}.get(cell.direction, colours.quiet)
        lines.append(Text(cell.comparison, style=paint(colour)))
    elif len(cell.trend) > 1:
        lines += (
            [Text(), *_trend_bars(cell, colours, width, height - 8)] if is_tall else [_trend_line(cell, width, quiet)]
        )
    lines += [Text()] if is_tall else []
    label = max(len("recall of ") + cell_len(cell.true), len("precision of ") + cell_len(cell.predicted))
    for word, name, score in (("recall", cell.true, cell.recall), ("precision", cell.predicted, cell.precision)):
        words = padded(f"{word} of {name}", min(label, max(0, width - 10))) + " "
        lines.append(Text.assemble((words, quiet), (f"{percent(score):>9}", paint(colours.foreground))))
    lines += [Text()] if is_tall else []
    lines.append(_hint(cell, colours))
    return Text("\n").join(lines)


def _trend_line(cell: SelectedCell, width: int, quiet: Style) -> Text:
    """Return the counts of as many recent epochs as fit in one line."""
    for start in range(len(cell.trend)):
        epochs = cell.trend[start:]
        first, last = epochs[0][0], epochs[-1][0]
        text = f"epoch {last}: " if first == last else f"epoch {first} to {last}: "
        text += " → ".join(f"{count:,}" for _, count in epochs)
        if len(text) <= width:
            break
    return Text(text, style=quiet)


def _trend_bars(cell: SelectedCell, colours: Palette, width: int, rows: int) -> list[Text]:
    shown = cell.trend[-max(1, rows) :]
    most = max(1, *(count for _, count in shown))
    digits, number = len(f"{most:,}"), len(str(shown[-1][0]))
    room = max(1, width - len("epoch ") - number - digits - 4)
    lines = []
    for epoch, count in shown:
        colour = colours.accent if epoch == cell.trend[-1][0] else colours.quiet
        lines.append(
            Text.assemble(
                (f"epoch {epoch:>{number}}  ", paint(colours.quiet)),
                (f"{count:>{digits},}", paint(colours.foreground)),
                ("  " + rule_bar(count / most, room), paint(colour)),
            )
        )
    return lines


def _hint(cell: SelectedCell, colours: Palette) -> Text:
    if not cell.count:
        return Text(empty_cell_words(cell.true, cell.predicted), style=paint(colours.quiet))
    return Text.assemble(("Enter", paint(colours.accent, bold=True)), f"  show {cell.count:,}")


def empty_cell_words(true: str, predicted: str) -> str:
    """Return why a cell cannot be opened."""
    return f"Empty: no {true} was predicted {'correctly' if true == predicted else f'as {predicted}'}."


class CellPanel(Widget):
    """The panel; repaints when its cell changes."""

    cell: reactive[SelectedCell | None] = reactive(None)
    """Cell under the cursor; None before the first matrix."""

    def render(self) -> RenderResult:
        if self.cell is None:
            return ""
        return cell_words(self.cell, palette_of(self), self.size.width, self.size.height)

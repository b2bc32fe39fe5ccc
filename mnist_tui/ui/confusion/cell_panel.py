"""The cell under the cursor in words, and how its count went over the recent epochs."""

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.change import BETTER, SAME, WORSE
from mnist_tui.render.text import percent, rule_bar
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


@dataclass(frozen=True)
class SelectedCell:
    """One cell of the confusion matrix and its past."""

    true: str
    """Class name."""
    predicted: str
    """Class name."""
    count: int
    support: int
    """Digits of the true class."""
    recall: float | None
    """Of the true class, 0..1."""
    precision: float | None
    """Of the predicted class, 0..1."""
    trend: tuple[tuple[int, int], ...]
    """(epoch, count), the oldest first, this epoch last."""
    compared: str = ""
    """What it is compared with, and how it was there, in words."""
    direction: int = SAME
    """Whether that is better or worse (analysis/change.py)."""

    @property
    def is_right(self) -> bool:
        """Whether the cell is on the diagonal."""
        return self.true == self.predicted


def cell_words(cell: SelectedCell, colours: Palette, width: int, height: int) -> Text:
    """The panel's text. What matters most comes first; from nine lines on there is air and a bar an epoch."""
    quiet, roomy = paint(colours.quiet), height >= 9
    true, predicted = (
        (cell.true, paint(colours.true_class, bold=True)),
        (cell.predicted, paint(colours.predicted_class, bold=True)),
    )
    read = Text.assemble(true, " read right: ") if cell.is_right else Text.assemble(true, " read as ", predicted, ": ")
    share = f"  {percent(cell.count / cell.support)}" if cell.support else ""
    read.append(f"{cell.count:,} of {cell.support:,}", paint(bold=True)).append(share, quiet)
    lines = [read]
    if cell.compared:
        colour = {BETTER: colours.success, WORSE: colours.wrong}.get(cell.direction, colours.quiet)
        lines.append(Text(cell.compared, style=paint(colour)))
    elif len(cell.trend) > 1:
        lines += (
            [Text(), *_trend_bars(cell, colours, width, height - 8)] if roomy else [_trend_line(cell, width, quiet)]
        )
    lines += [Text()] if roomy else []
    label = max(len("recall of ") + len(cell.true), len("precision of ") + len(cell.predicted))
    for word, name, score in (("recall", cell.true, cell.recall), ("precision", cell.predicted, cell.precision)):
        lines.append(
            Text.assemble(
                (f"{word} of {name}".ljust(label + 1), quiet), (f"{percent(score):>9}", paint(colours.foreground))
            )
        )
    lines += [Text()] if roomy else []
    lines.append(_hint(cell, colours))
    return Text("\n").join(lines)


def _trend_line(cell: SelectedCell, width: int, quiet: Style) -> Text:
    """As many of the newest epochs as fit in a line."""
    for start in range(len(cell.trend)):
        epochs = cell.trend[start:]
        first, last = epochs[0][0], epochs[-1][0]
        text = f"epoch {last}: " if first == last else f"epoch {first} to {last}: "
        text += " → ".join(f"{count:,}" for _, count in epochs)
        if len(text) <= width:
            break
    return Text(text, style=quiet)


def _trend_bars(cell: SelectedCell, colours: Palette, width: int, rows: int) -> list[Text]:
    """One bar an epoch, the newest in the accent."""
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
    """What Enter does here; for an empty cell, that there is nothing to open."""
    if not cell.count:
        none = "was read right" if cell.is_right else f"was read as {cell.predicted}"
        return Text(f"Empty: no {cell.true} {none}.", style=paint(colours.quiet))
    look = "look at it" if cell.count == 1 else f"look at these {cell.count:,}"
    return Text.assemble(("Enter", paint(colours.accent, bold=True)), "  ", look)


class CellPanel(Widget):
    """Repaints when the cell, its count or its past changes."""

    cell: reactive[SelectedCell | None] = reactive(None)
    """What the cursor is on; None before the first matrix."""

    def render(self) -> RenderResult:
        if self.cell is None:
            return ""
        return cell_words(self.cell, palette_of(self), self.size.width, self.size.height)

"""The worst confusions in words and bars: which class is taken for which, and how often; or how that changed."""

from dataclasses import dataclass

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.change import BETTER, CellChange
from mnist_tui.analysis.confusion import Confusion
from mnist_tui.render.text import clip, rule_bar
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

LONGEST = 12
"""Letters of a class's name that are shown."""


@dataclass(frozen=True)
class Worst:
    """The confusions of one epoch, the worst first."""

    confusions: tuple[Confusion, ...]
    names: tuple[str, ...]
    cursor: tuple[int, int]
    """The (true, predicted) cell that is marked, should it be among them."""
    changes: tuple[CellChange, ...] | None = None
    """In place of the confusions: what changed most."""


def worst_bars(worst: Worst, colours: Palette, width: int, height: int) -> Text:
    """One line each, in words where they fit; the share of the class stands behind the bar where there is room."""
    if worst.changes is not None:
        return change_lines(worst.changes, worst, colours, height)
    shown = worst.confusions[: max(1, height)]
    if not shown:
        return Text("None: every digit was read right.", style=paint(colours.quiet))
    names = [(clip(worst.names[each.true], LONGEST), clip(worst.names[each.predicted], LONGEST)) for each in shown]
    left, right = (max(len(pair[side]) for pair in names) for side in (0, 1))
    digits, supports = len(f"{shown[0].count:,}"), max(len(f"{each.support:,}") for each in shown)
    in_words = width >= left + right + digits + supports + 23
    start = 2 + left + right + digits + (15 + supports if in_words else 4)
    with_share = width >= start + 14
    room = max(3, width - start - (9 if with_share else 0))
    lines = []
    for each, (true, predicted) in zip(shown, names, strict=True):
        chosen = (each.true, each.predicted) == worst.cursor
        count = f"{each.count:>{digits},}"
        words = f": {count} of {each.support:>{supports},}" if in_words else f" {'×' + count.strip():>{digits + 1}} "
        lines.append(
            Text.assemble(
                ("▸ " if chosen else "  ", paint(colours.accent, bold=True)),
                (true.rjust(left), paint(colours.true_class, bold=chosen)),
                (" read as " if in_words else "→", paint(colours.quiet)),
                (predicted.ljust(right), paint(colours.predicted_class, bold=chosen)),
                (words, paint(colours.foreground, bold=chosen)),
                (
                    " " + rule_bar(each.count / shown[0].count, room - 1),
                    paint(colours.wrong if chosen else colours.wrong.blend(colours.background, 0.3)),
                ),
                (f" {each.share:>6.2%}".replace("%", " %") if with_share else "", paint(colours.quiet)),
            )
        )
    return Text("\n").join(lines)


def change_lines(changes: tuple[CellChange, ...], worst: Worst, colours: Palette, height: int) -> Text:
    """`▲ 4 read as 9: 11, was 19`, one line each."""
    if not changes:
        return Text("No confusion changed.", style=paint(colours.quiet))
    lines = []
    for each in changes[: max(1, height)]:
        chosen, better = (each.true, each.predicted) == worst.cursor, each.direction == BETTER
        lines.append(
            Text.assemble(
                ("▸ " if chosen else "  ", paint(colours.accent, bold=True)),
                ("▲ " if better else "▼ ", paint(colours.success if better else colours.wrong)),
                (clip(worst.names[each.true], LONGEST), paint(colours.true_class, bold=chosen)),
                (" read as ", paint(colours.quiet)),
                (clip(worst.names[each.predicted], LONGEST), paint(colours.predicted_class, bold=chosen)),
                (f": {each.now:,}, was {each.before:,}", paint(colours.foreground, bold=chosen)),
            )
        )
    return Text("\n").join(lines)


class WorstConfusions(Widget):
    """Repaints when the confusions or the cursor change."""

    worst: reactive[Worst | None] = reactive(None)
    """What is shown; None before the first matrix."""

    def render(self) -> RenderResult:
        if self.worst is None:
            return ""
        return worst_bars(self.worst, palette_of(self), self.size.width, self.size.height)

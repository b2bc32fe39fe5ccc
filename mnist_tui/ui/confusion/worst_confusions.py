"""List of the worst confusions as bars, or of the largest changes from the reference."""

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
"""Characters of a class name that are shown."""


@dataclass(frozen=True)
class RankedConfusions:
    """The confusions of one evaluation, the largest first."""

    confusions: tuple[Confusion, ...]
    names: tuple[str, ...]
    cursor: tuple[int, int]
    """The (true, predicted) cell to mark."""
    changes: tuple[CellChange, ...] | None = None
    """Largest changes, to be shown instead."""


def confusion_lines(ranked: RankedConfusions, colours: Palette, width: int, height: int) -> Text:
    """Draw one line per confusion, such as "4 → 9: 11 of 492"; counts, bars and shares as the width permits."""
    if ranked.changes is not None:
        return change_lines(ranked.changes, ranked, colours, height)
    shown = ranked.confusions[: max(1, height)]
    if not shown:
        return Text("None: every digit is correct.", style=paint(colours.quiet))
    names = [(clip(ranked.names[each.true], LONGEST), clip(ranked.names[each.predicted], LONGEST)) for each in shown]
    left, right = (max(len(pair[side]) for pair in names) for side in (0, 1))
    digits, supports = len(f"{shown[0].count:,}"), max(len(f"{each.support:,}") for each in shown)
    with_support = width >= left + right + digits + supports + 17
    start = 2 + left + right + digits + (9 + supports if with_support else 4)
    with_share = width >= start + 14
    room = max(3, width - start - (9 if with_share else 0))
    lines = []
    for each, (true, predicted) in zip(shown, names, strict=True):
        selected = (each.true, each.predicted) == ranked.cursor
        count = f"{each.count:>{digits},}"
        support = f"{each.support:>{supports},}"
        words = f": {count} of {support}" if with_support else f" {'×' + count.strip():>{digits + 1}} "
        lines.append(
            Text.assemble(
                ("▸ " if selected else "  ", paint(colours.accent, bold=True)),
                (true.rjust(left), paint(colours.true_class, bold=selected)),
                (" → " if with_support else "→", paint(colours.quiet)),
                (predicted.ljust(right), paint(colours.predicted_class, bold=selected)),
                (words, paint(colours.foreground, bold=selected)),
                (
                    " " + rule_bar(each.count / shown[0].count, room - 1),
                    paint(colours.wrong),
                ),
                (f" {each.share:>6.2%}".replace("%", " %") if with_share else "", paint(colours.quiet)),
            )
        )
    return Text("\n").join(lines)


def change_lines(changes: tuple[CellChange, ...], ranked: RankedConfusions, colours: Palette, height: int) -> Text:
    """Draw one line per change, such as "▲ 4 → 9: 11, was 19"."""
    if not changes:
        return Text("No confusion changed.", style=paint(colours.quiet))
    lines = []
    for each in changes[: max(1, height)]:
        selected, better = (each.true, each.predicted) == ranked.cursor, each.direction == BETTER
        lines.append(
            Text.assemble(
                ("▸ " if selected else "  ", paint(colours.accent, bold=True)),
                ("▲ " if better else "▼ ", paint(colours.success if better else colours.wrong)),
                (clip(ranked.names[each.true], LONGEST), paint(colours.true_class, bold=selected)),
                (" → ", paint(colours.quiet)),
                (clip(ranked.names[each.predicted], LONGEST), paint(colours.predicted_class, bold=selected)),
                (f": {each.now:,}, was {each.before:,}", paint(colours.foreground, bold=selected)),
            )
        )
    return Text("\n").join(lines)


class WorstConfusions(Widget):
    """The list; repaints when the confusions or the cursor change."""

    ranked: reactive[RankedConfusions | None] = reactive(None)
    """Confusions that are shown; None before the first matrix."""

    def render(self) -> RenderResult:
        if self.ranked is None:
            return ""
        return confusion_lines(self.ranked, palette_of(self), self.size.width, self.size.height)

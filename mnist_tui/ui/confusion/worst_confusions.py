"""List of the worst confusions as bars, or of the largest changes from the reference."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.change import BETTER, CellChange
from mnist_tui.analysis.confusion import Confusion
from mnist_tui.render.text import clip, clip_pair, padded, percent, rule_bar, widest
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

LONGEST, NAME_SHARE = 12, 1 / 4
"""Columns of a class name at most: these, or this share of the width."""


@dataclass(frozen=True)
class RankedConfusions:
    """The confusions of one evaluation, the largest first."""

    confusions: tuple[Confusion, ...]
    names: tuple[str, ...]
    cursor: tuple[int, int]
    """The (true, predicted) cell to mark."""
    changes: tuple[CellChange, ...] | None = None
    """Largest changes, to be shown instead."""
    in_counts: bool = True
    """False if the changes are between different numbers of images, so that only shares can be compared."""


def confusion_lines(ranked: RankedConfusions, colours: Palette, width: int, height: int) -> Text:
    """Draw one line per confusion, such as "4 → 9: 11 of 492"; counts, bars and shares as the width permits."""
    if ranked.changes is not None:
        return change_lines(ranked.changes, ranked, colours, width, height)
    shown = ranked.confusions[: max(1, height)]
    if not shown:
        return Text("None: every image is correct.", style=paint(colours.quiet))
    digits, supports = len(f"{shown[0].count:,}"), max(len(f"{each.support:,}") for each in shown)
    longest = max(1, min(max(LONGEST, int(width * NAME_SHARE)), (width - digits - 9) // 2))
    names = [(clip(ranked.names[each.true], longest), clip(ranked.names[each.predicted], longest)) for each in shown]
    left, right = (widest([pair[side] for pair in names]) for side in (0, 1))
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
                (padded(true, left, "right"), paint(colours.true_class, bold=selected)),
                (" → " if with_support else "→", paint(colours.quiet)),
                (padded(predicted, right), paint(colours.predicted_class, bold=selected)),
                (words, paint(colours.foreground, bold=selected)),
                (
                    " " + rule_bar(each.count / shown[0].count, room - 1),
                    paint(colours.wrong),
                ),
                (f" {each.share:>6.2%}".replace("%", " %") if with_share else "", paint(colours.quiet)),
            )
        )
    return Text("\n").join(lines)


def change_lines(
    changes: tuple[CellChange, ...], ranked: RankedConfusions, colours: Palette, width: int, height: int
) -> Text:
    """Draw one line per change, such as "▲ 4 → 9: 11, was 19"."""
    if not changes:
        return Text("No confusion changed.", style=paint(colours.quiet))
    lines = []
    for each in changes[: max(1, height)]:
        selected, better = (each.true, each.predicted) == ranked.cursor, each.direction == BETTER
        counts = f": {each.now:,}, was {each.before:,}"
        if not ranked.in_counts:
            counts = f": {percent(each.share, 1)}, was {percent(each.before_share, 1)}"
        true, predicted = clip_pair(ranked.names[each.true], ranked.names[each.predicted], width - len(counts) - 7)
        lines.append(
            Text.assemble(
                ("▸ " if selected else "  ", paint(colours.accent, bold=True)),
                ("▲ " if better else "▼ ", paint(colours.success if better else colours.wrong)),
                (true, paint(colours.true_class, bold=selected)),
                (" → ", paint(colours.quiet)),
                (predicted, paint(colours.predicted_class, bold=selected)),
                (counts, paint(colours.foreground, bold=selected)),
            )
        )
    return Text("\n").join(lines)


class WorstConfusions(Widget):
    """The list; repaints when the confusions or the cursor change. A click on a line posts Chosen."""

    class Chosen(Message):
        """The user clicked on a confusion."""

        def __init__(self, cell: tuple[int, int]) -> None:
            super().__init__()
            self.cell = cell

    ranked: reactive[RankedConfusions | None] = reactive(None)
    """Confusions that are shown; None before the first matrix."""

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        listed: Sequence[Confusion | CellChange] = ()
        if self.ranked is not None:
            listed = self.ranked.confusions if self.ranked.changes is None else self.ranked.changes
        if place is not None and place.y < len(listed):
            self.post_message(self.Chosen((listed[place.y].true, listed[place.y].predicted)))

    def render(self) -> RenderResult:
        if self.ranked is None:
            return ""
        return confusion_lines(self.ranked, palette_of(self), self.size.width, self.size.height)

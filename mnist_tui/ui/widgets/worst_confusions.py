"""The worst confusions as bars: which class is taken for which, and how often."""

from dataclasses import dataclass

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.confusion import Confusion
from mnist_tui.render.text import rule_bar
from mnist_tui.ui.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


@dataclass(frozen=True)
class Worst:
    """The confusions of one epoch, the worst first."""

    confusions: tuple[Confusion, ...]
    names: tuple[str, ...]
    cursor: tuple[int, int]
    """The (true, predicted) cell that is marked, should it be among them."""


def worst_bars(worst: Worst, colours: Palette, width: int, height: int) -> Text:
    """One line each; the share of the class stands behind the bar where there is room."""
    shown = worst.confusions[: max(1, height)]
    if not shown:
        return Text("None: every digit was read right.", style=paint(colours.quiet))
    names = [(worst.names[each.true], worst.names[each.predicted]) for each in shown]
    left, right = (max(len(pair[side]) for pair in names) for side in (0, 1))
    digits = len(f"{shown[0].count:,}")
    with_share = width >= left + right + digits + 26
    room = max(3, width - left - right - digits - 7 - (9 if with_share else 0))
    lines = []
    for each, (true, predicted) in zip(shown, names, strict=True):
        chosen = (each.true, each.predicted) == worst.cursor
        lines.append(
            Text.assemble(
                ("▸ " if chosen else "  ", paint(colours.accent, bold=True)),
                (true.rjust(left), paint(colours.true_class, bold=chosen)),
                ("→", paint(colours.quiet)),
                (predicted.ljust(right), paint(colours.predicted_class, bold=chosen)),
                (f" {'×' + f'{each.count:,}':>{digits + 1}} ", paint(colours.foreground, bold=chosen)),
                (
                    " " + rule_bar(each.count / shown[0].count, room),
                    paint(colours.wrong if chosen else colours.wrong.blend(colours.background, 0.3)),
                ),
                (f" {each.share:>6.2%}".replace("%", " %") if with_share else "", paint(colours.quiet)),
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

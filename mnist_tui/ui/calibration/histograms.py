"""Histograms of the confidences of correct and of wrong predictions, on one logarithmic scale."""

from rich.text import Text
from textual.color import Color

from mnist_tui.analysis.calibration import Reliability
from mnist_tui.render.bars import log_share, upright_bars
from mnist_tui.ui.calibration.widget import CalibrationWidget
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette

NUMBERED = 6
"""Columns per bar from which its count is printed."""


def histogram_lines(figures: Reliability, colours: Palette, width: int, height: int) -> list[Text]:
    """Draw one bar per bin, the correct predictions above the wrong ones, and the axis."""
    bins = len(figures.counts)
    room = max(1, width // bins)
    numbered = room >= NUMBERED
    kinds: tuple[tuple[str, list[int], Color], ...] = (
        ("correct", figures.correct.tolist(), colours.true_class),
        ("wrong", figures.wrong.tolist(), colours.wrong),
    )
    lines = []
    heights = _share_out([max(counts) for _, counts, _ in kinds], max(2, height - 3 - 2 * numbered))
    for (name, counts, colour), rows in zip(kinds, heights, strict=True):
        total = sum(counts)
        lines.append(
            Text.assemble(
                (f"{name} ", paint(colour, bold=True)),
                (f"{total:,}", paint(colours.quiet)),
            )
        )
        shares = [log_share(count, max(counts)) for count in counts]
        lines += [Text(line, style=paint(colour)) for line in upright_bars(shares, room, rows)]
        if numbered:
            words = "".join((f"{count:,}" if count else "·").center(room - 1) + " " for count in counts)
            lines.append(Text(words, style=paint(colours.quiet)))
    axis = bins * room - 1
    middle = "0.5 confidence" if axis >= 24 else "0.5"
    left = axis // 2 - 1
    lines.append(Text("0".ljust(left) + middle.ljust(axis - left - 1) + "1", style=paint(colours.quiet)))
    return lines


def _share_out(most: list[int], rows: int) -> list[int]:
    """Share the rows so that one row is the same step of the logarithm in both histograms."""
    correct, wrong = (log_share(each, max(*most, 1)) for each in most)
    lower = min(max(1, round(rows * wrong / (correct + wrong)) if correct + wrong else rows // 2), rows - 1)
    return [rows - lower, lower]


class ConfidenceHistograms(CalibrationWidget):
    """Both histograms."""

    def lines(self, figures: Reliability, colours: Palette, width: int, height: int) -> list[Text]:
        return histogram_lines(figures, colours, width, height)

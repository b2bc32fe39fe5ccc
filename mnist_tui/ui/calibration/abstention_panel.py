"""Abstention panel: coverage and accuracy above a confidence threshold, as a plot and in words."""

import math

import numpy as np
from rich.text import Text

from mnist_tui.analysis.calibration import Abstention
from mnist_tui.render.raster import BLANK, Numbers, line_cells, point_cells
from mnist_tui.render.text import percent
from mnist_tui.ui.calibration.confidences import Confidences
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

CURSOR = "◆"
LABEL = 9
"""Columns of the axis labels."""
SIDE_BY_SIDE = 84
"""Columns from which plot and words are side by side."""
WORDS_WIDTH = 50
FEWEST_ROWS = 3
"""Lowest height of the plot."""


def abstention_words(figures: Confidences, threshold: float, colours: Palette, width: int, height: int) -> list[Text]:
    """Describe the current threshold, then the thresholds that reach target accuracies, as many as fit."""
    quiet, bold = paint(colours.quiet), paint(colours.foreground, bold=True)
    now = figures.abstaining(threshold)
    share = now.answered / now.total if now.total else None
    accuracy = now.accuracy if now.answered else None
    widest = len(f"{now.total:,}")
    lines = [
        Text.assemble(
            ("abstain below ", quiet), (f"{threshold:.3f}", paint(colours.accent, bold=True)), ("  ← →", quiet)
        ),
        Text.assemble(
            ("answered ", quiet),
            (f"{now.answered:>{widest},}", bold),
            (f" of {now.total:,} ", quiet),
            (f"{percent(share):>8}", bold),
        ),
        Text.assemble(
            ("correct  ", quiet),
            (f"{now.correct:>{widest},}", bold),
            (f" of {now.answered:>{widest},} ", quiet),
            (f"{percent(accuracy):>8}", bold),
        ),
    ]
    room = height - len(lines)
    targets = list(figures.targets)
    if not targets:
        best = "no threshold raises the accuracy" if accuracy is not None else "no predictions with a confidence"
        return lines + [Text(best, style=quiet)][:room]
    if room > len(targets) + 2:
        lines += [Text(), Text("    accuracy  abstain below  coverage", style=quiet)]
        lines += [_target_line(target, abstention, colours) for target, abstention in targets]
        if height - len(lines) > 2 and width >= 44:
            lines += [Text(), Text("measured on these images, so optimistic", style=quiet)]
        return lines
    wanted = [each for each in targets if each[0] in (0.999, 1.0)] or targets
    return lines + [_target_words(*each, colours, width) for each in wanted[:room]]


def _target_line(target: float, abstention: Abstention, colours: Palette) -> Text:
    return Text.assemble(
        (f"{percent(target):>12}", paint(colours.foreground)),
        (f"{abstention.threshold:>15.4f}", paint(colours.foreground, bold=True)),
        (f"{percent(abstention.share, 1):>10}", paint(colours.foreground)),
    )


def _target_words(target: float, abstention: Abstention, colours: Palette, width: int) -> Text:
    quiet, bold = paint(colours.quiet), paint(colours.foreground, bold=True)
    below, share = f"{abstention.threshold:.4f}", percent(abstention.share, 1)
    if width < 44:
        return Text.assemble((f"{target * 100:g} %: below ", quiet), (below, bold), (" → ", quiet), (share, bold))
    return Text.assemble(
        (f"for {target * 100:g} %: below ", quiet), (below, bold), (", coverage ", quiet), (share, bold)
    )


def abstention_plot(figures: Confidences, threshold: float, colours: Palette, width: int, height: int) -> list[Text]:
    """Plot accuracy (y) against coverage (x), with the current threshold as the cursor."""
    curve, now = figures.curve, figures.abstaining(threshold)
    known = np.isfinite(curve.accuracy)
    rows, columns = max(1, height - 1), max(1, width - LABEL)
    if not known.any():
        return []
    accuracy, answered = curve.accuracy[known], curve.answered[known]
    best = float(answered[accuracy >= accuracy.max()].max())
    least = min([best, *([now.answered / now.total] if now.answered else [])])
    low = max(0.0, math.floor((least - 0.02) * 20) / 20)
    shown = answered >= low
    bottom, top = float(accuracy[shown].min()), float(accuracy.max())
    if top <= bottom:
        bottom = top - 0.01

    def on_canvas(answered: Numbers, accuracy: Numbers) -> tuple[Numbers, Numbers]:
        share = np.clip((accuracy - bottom) / (top - bottom), 0, 1)
        return (answered - low) / (1 - low), (share * (rows - 1) + 0.5) / rows  # the limits are in the middle of a row

    plot = line_cells(*on_canvas(answered[shown], accuracy[shown]), columns, rows)
    if now.answered:
        point = on_canvas(np.array([now.answered / now.total]), np.array([now.accuracy]))
        cursor = point_cells(*point, columns, rows, CURSOR)
        plot = np.where(cursor == BLANK, plot, cursor)
    lines = []
    for row, cells in enumerate(plot.tolist()):
        label = {0: percent(top), rows - 1: percent(bottom)}.get(row, "accuracy" if row == 1 else "")
        line = Text(f"{label:>{LABEL - 1}} ", style=paint(colours.quiet))
        for character in map(chr, cells):
            if character == CURSOR:
                line.append(CURSOR, paint(colours.accent, colours.surface, bold=True))
            else:
                blank = character == chr(BLANK)
                line.append(" " if blank else character, paint(colours.validation, colours.surface))
        lines.append(line)
    left, right = f"{low:.0%}".replace("%", " %"), "100 %"
    middle = "answered".center(max(0, columns - len(left) - len(right)))
    lines.append(Text(" " * LABEL + left + middle + right, style=paint(colours.quiet)))
    return lines


def abstention_lines(figures: Confidences, threshold: float, colours: Palette, width: int, height: int) -> list[Text]:
    """Draw plot and words side by side if they fit, else the plot above."""
    if width >= SIDE_BY_SIDE:
        plot = abstention_plot(figures, threshold, colours, width - WORDS_WIDTH - 3, height)
        words = abstention_words(figures, threshold, colours, WORDS_WIDTH, height)
        lines = []
        for row in range(height):
            line = plot[row].copy() if row < len(plot) else Text()
            line.pad_right(width - WORDS_WIDTH - line.cell_len)
            lines.append(line.append_text(words[row]) if row < len(words) else line)
        return lines
    words = abstention_words(figures, threshold, colours, width, max(4, height - FEWEST_ROWS - 2))
    return abstention_plot(figures, threshold, colours, width, max(FEWEST_ROWS, height - len(words))) + words


class AbstentionPanel(LineWidget):
    """Plot and words; repaints only what differs when the threshold moves."""

    def __init__(self) -> None:
        super().__init__()
        self._figures: Confidences | None = None
        self._threshold = 0.0

    def show(self, figures: Confidences, threshold: float) -> None:
        """Show other figures or another threshold."""
        if figures is not self._figures or threshold != self._threshold:
            self._figures, self._threshold = figures, threshold
            self.redraw()

    def draw(self) -> list[Text]:
        if self._figures is None:
            return []
        return abstention_lines(self._figures, self._threshold, palette_of(self), self.size.width, self.size.height)

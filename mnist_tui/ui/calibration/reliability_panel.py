"""Reliability diagram: one line per bin of confidence, with its accuracy as a bar and its mean confidence as a mark."""

import math
from collections.abc import Iterator

from rich.text import Text

from mnist_tui.analysis.calibration import Reliability
from mnist_tui.render.text import bar, percent
from mnist_tui.ui.calibration.widget import CalibrationWidget
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette

MEAN, EMPTY = "┃", "┊"
"""Mean confidence of a bin, and the middle of an empty bin."""
OVERCONFIDENT, UNDERCONFIDENT = "░", "▒"
"""Gap between confidence and accuracy."""
HIGHEST_PITCH = 3
"""Most lines per bin."""
WORDS = 3
WITH_COUNTS = 40
"""Columns from which the predictions of each bin are counted."""
WIDE = 62
"""Columns from which the errors have their full names."""


def reliability_lines(figures: Reliability, colours: Palette, width: int, height: int) -> list[Text]:
    """Draw a heading, the bins from the most confident down, and the calibration errors."""
    bins = len(figures.counts)
    counts = [f"{int(each):,}" for each in (figures.correct.max(), figures.wrong.max())]
    correct, wrong = max(7, len(counts[0])), max(5, len(counts[1]))
    with_counts = width >= WITH_COUNTS
    room = max(4, width - 10 - 1 - 1 - 7 - (1 + correct + 1 + wrong if with_counts else 0))
    pitch = min(HIGHEST_PITCH, max(1, (height - 1 - WORDS) // bins))
    accuracy = "accuracy" if room >= len("accuracy") else "acc."
    head = f"{'confidence':<10} {accuracy:<{room}} {'':>7}"
    head += f" {'correct':>{correct}} {'wrong':>{wrong}}" if with_counts else ""
    lines = [Text(head, style=paint(colours.quiet))]
    for position in reversed(range(bins)):
        track = _track(figures, position, room, colours)
        line = Text(f"{figures.edges[position]:.2f}–{figures.edges[position + 1]:.2f}  ", style=paint(colours.quiet))
        line.append_text(track)
        filled = figures.counts[position] > 0
        ink = paint(colours.foreground if filled else colours.quiet)
        line.append(f" {percent(float(figures.accuracy[position]) if filled else None, 1):>7}", ink)
        if with_counts:
            line.append(f" {int(figures.correct[position]):>{correct},}", ink)
            line.append(f" {int(figures.wrong[position]):>{wrong},}", ink)
        lines.append(line)
        again = Text.assemble(" " * 11, track)
        lines += [again] * max(0, pitch - 2) + [Text()] * min(1, pitch - 1)
    words = list(_words(figures, colours, width))
    return lines + [Text()] * (height > len(lines) + len(words)) + words


def _track(figures: Reliability, position: int, room: int, colours: Palette) -> Text:
    """Draw the bar of one bin with the mark of its mean confidence."""
    ground = colours.surface
    if not figures.counts[position]:
        middle = float(figures.edges[position] + figures.edges[position + 1]) / 2
        mark = int(middle * room)
        return Text(" " * mark + EMPTY + " " * (room - mark - 1), style=paint(colours.quiet, ground))
    accuracy, confidence = float(figures.accuracy[position]), float(figures.confidence[position])
    mark, ink = min(int(confidence * room), room - 1), colours.validation
    track = Text()
    for column, cell in enumerate(bar(accuracy, room)):
        if column == mark:
            track.append(MEAN, paint(colours.foreground, ground, bold=True))
        elif cell == " " and column < mark:
            track.append(OVERCONFIDENT, paint(colours.wrong, ground))
        elif cell != " " and column > mark:
            track.append(UNDERCONFIDENT, paint(ink, ground))
        else:
            track.append(cell, paint(ink, ground))
    return track


def _words(figures: Reliability, colours: Palette, width: int) -> Iterator[Text]:
    mean, most = ("mean |accuracy − confidence|", "the same in the worst bin")
    if width >= WIDE:
        mean = "expected calibration error: mean |accuracy − ┃|"
        most = "maximum calibration error: the worst bin"
    for name, value, words in (("ECE", figures.expected_error, mean), ("MCE", figures.maximum_error, most)):
        number = "–" if math.isnan(value) else f"{value:.4f}"
        yield Text.assemble(
            (f"{name} ", paint(colours.quiet)),
            (f"{number:<7}", paint(colours.foreground, bold=True)),
            (words, paint(colours.quiet)),
        )
    if figures.left_out:
        yield Text(f"{figures.left_out:,} predictions have no confidence", style=paint(colours.wrong))
    else:
        yield Text.assemble(
            (MEAN, paint(colours.foreground, bold=True)),
            (" mean confidence  " if width >= WIDE else " confidence ", paint(colours.quiet)),
            (OVERCONFIDENT, paint(colours.wrong)),
            (" overconfident  ", paint(colours.quiet)),
            (UNDERCONFIDENT, paint(colours.validation)),
            (" underconfident" if width >= WIDE else " under", paint(colours.quiet)),
        )


class ReliabilityPanel(CalibrationWidget):
    """The diagram."""

    def lines(self, figures: Reliability, colours: Palette, width: int, height: int) -> list[Text]:
        return reliability_lines(figures, colours, width, height)

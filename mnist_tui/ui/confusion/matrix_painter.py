"""Drawing of a confusion matrix, line by line, from counts, layout, cursor and palette."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from rich.segment import Segment
from textual.color import Color
from textual.strip import Strip

from mnist_tui.analysis.change import BETTER, WORSE, MatrixChange
from mnist_tui.analysis.confusion import Report
from mnist_tui.render.heatmap import ink_on, shade, shade_change
from mnist_tui.render.matrix_layout import PRECISION, RECALL, SUPPORT, TOTAL, TRUE, MatrixLayout
from mnist_tui.render.text import padded, percent
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette

Counts = tuple[tuple[int, ...], ...]
SIGNS = {BETTER: "▲", WORSE: "▼"}
"""Signs that show the direction without colours."""
WRONG = "✗"
"""Before the counts of misclassified digits, if there are too few colours."""


class CellValues(Enum):
    """The numbers in the cells."""

    COUNTS = "counts"
    ROW_PERCENT = "% of the row"
    COLUMN_PERCENT = "% of the column"

    @property
    def following(self) -> "CellValues":
        """Next kind of numbers, in a cycle."""
        kinds = list(CellValues)
        return kinds[(kinds.index(self) + 1) % len(kinds)]


@dataclass(frozen=True, eq=False)
class MatrixComparison:
    """The change of every cell from a reference matrix, and the scores of the reference."""

    change: MatrixChange
    before: Report

    @property
    def in_counts(self) -> bool:
        """Return True if both matrices have the same support, so that counts can be compared."""
        return bool((self.change.now.sum(axis=1) == self.change.before.sum(axis=1)).all())


@dataclass(frozen=True)
class MatrixPainter:
    """One state of the matrix. With a `comparison`, every number is a change."""

    counts: Counts
    names: tuple[str, ...]
    report: Report
    layout: MatrixLayout
    colours: Palette
    cursor: tuple[int, int]
    values: CellValues
    comparison: MatrixComparison | None = None
    order: Sequence[int] = ()
    """Classes from the top, and from the left; by number if empty."""

    def line(self, y: int, scroll_x: int, scroll_y: int, width: int, height: int) -> Strip:
        """Draw line `y` of a viewport of `width` x `height`; labels and scores do not scroll."""
        layout = self.layout
        room = max(0, min(layout.cells_width, width - layout.cells_left - layout.recall))
        rows = max(0, min(layout.cells_height, height - layout.cells_top - layout.foot))
        inner = y - layout.cells_top
        first = scroll_x // layout.cell_width
        order = self.order or range(layout.classes)
        visible = order[first : -(-(scroll_x + room) // layout.cell_width)]
        if 0 <= inner < rows:
            place, line = divmod(inner + scroll_y, layout.cell_height)
            parts = self._row(order[place], line, visible)
        elif -layout.head <= inner < 0:
            parts = self._names(visible) if inner == -1 else self._heading(room)
        elif inner == rows + layout.foot - 1 - layout.has_predictions:
            parts = self._precision(visible)
        elif inner == rows + layout.foot - 1:
            parts = self._totals(visible)
        else:
            parts = ([], [], [])
        left, cells, right = (Strip(part) for part in parts)
        offset = 0 if inner == -2 else scroll_x - first * layout.cell_width
        blank = paint(behind=self.colours.background)
        return Strip.join(
            (
                Strip([Segment(" " * layout.left, blank)]),
                left.adjust_cell_length(layout.label, blank),
                cells.crop(offset, offset + room).adjust_cell_length(room, blank),
                right.adjust_cell_length(layout.recall, blank),
            )
        ).adjust_cell_length(width, blank)

    def _row(self, true: int, line: int, visible: Sequence[int]) -> tuple[list[Segment], list[Segment], list[Segment]]:
        """Draw label, visible cells and recall at one line of a row of cells."""
        layout, colours = self.layout, self.colours
        cells = [segment for predicted in visible for segment in self._cell(true, predicted, line)]
        if line != (layout.cell_height - 1) // 2:
            return [], cells, []
        selected = true == self.cursor[0]
        number = f"{true:{layout.digits + 1}}" if layout.digits else ""
        label = padded(self.names[true], layout.label - 2 - len(number), "right") + number + "  "
        score = self.report.classes[true]
        recall = self._score(
            score.recall, self.comparison.before.classes[true].recall if self.comparison is not None else None
        )
        return (
            [self._text(label, colours.true_class if selected else colours.foreground, bold=selected)],
            cells,
            self._right(recall, f"{score.support:,}", colours.foreground if selected else colours.quiet, selected),
        )

    def _cell(self, true: int, predicted: int, line: int) -> list[Segment]:
        """Draw one line of a cell and the gap after it; the last line of a tall cell is half as high."""
        layout, colours = self.layout, self.colours
        tile, height = layout.tile, layout.cell_height
        count = self.counts[true][predicted]
        if self.comparison is None:
            is_wrong = bool(count) and true != predicted
            behind = Color(*shade(count, self.report.classes[true].support, true == predicted, colours.heat))
        else:
            change = self.comparison.change
            count = int(change.directions[true, predicted])
            is_wrong = count == WORSE
            behind = Color(*shade_change(float(change.shares[true, predicted]), count == BETTER, colours.heat))
        gap = Segment(" ", paint(behind=colours.background))
        middle = line == (height - 1) // 2
        if (true, predicted) == self.cursor:
            return [*self._cursor_cell(count, line, middle, behind), gap]
        if middle:
            ink = colours.faint
            if count and behind != colours.background:
                ink = Color(*ink_on(behind.rgb))
            elif count:
                ink = colours.wrong if is_wrong else colours.foreground if self.comparison is None else colours.success
            return [Segment(self._number(true, predicted), paint(ink, behind, bold=is_wrong)), gap]
        if height > 1 and line == height - 1:
            if behind == colours.background:
                return [Segment(" " * tile, paint(behind=behind)), gap]
            return [Segment("▀" * tile, paint(behind, colours.background)), gap]
        return [Segment(" " * tile, paint(behind=behind)), gap]

    def _cursor_cell(self, count: object, line: int, middle: bool, behind: Color) -> list[Segment]:
        """Draw the cell under the cursor with a frame if it is tall enough, else with brackets."""
        layout, colours, tile = self.layout, self.colours, self.layout.tile
        number = self._number(*self.cursor)
        if layout.cell_height >= 3:
            frame = paint(colours.accent, behind, bold=True)
            if line in (0, layout.cell_height - 1):
                start, end = "┏┓" if line == 0 else "┗┛"
                return [Segment(start + "━" * (tile - 2) + end, frame)]
            words = paint(Color(*ink_on(behind.rgb)) if count else colours.foreground, behind, bold=True)
            if middle and len(number.strip()) > tile - 2:
                return [Segment(number, words)]  # rather the whole number than the sides of the frame
            inner = number.strip().center(tile - 2) if middle else " " * (tile - 2)
            return [Segment("┃", frame), Segment(inner, words), Segment("┃", frame)]
        if not middle:
            return [Segment("▀" * tile, paint(colours.accent, colours.background))]
        if number[0] == number[-1] == " ":
            number = f"[{number[1:-1]}]"
        return [Segment(number, paint(Color(*ink_on(colours.accent.rgb)), colours.accent, bold=True))]

    def _number(self, true: int, predicted: int) -> str:
        """Return a cell's number, centred in a tall cell, else right-aligned in a centred field."""
        if self.comparison is not None:
            return self._difference(self.comparison, true, predicted).center(self.layout.tile)[: self.layout.tile]
        count = self.counts[true][predicted]
        largest = self._largest
        if self.values is CellValues.COUNTS:
            comma = "," if len(f"{largest:,}") <= self.layout.tile else ""
            field, text = len(f"{largest:{comma}}"), f"{count:{comma}}"
        else:
            scores = self.report.classes
            whole = scores[true].support if self.values is CellValues.ROW_PERCENT else scores[predicted].predicted
            field, text = 4, f"{count / whole:.1%}"[:-1] if whole else "–"
            text = "100" if text == "100.0" else text
        if self.colours.needs_signs and true != predicted and len(text) < self.layout.tile:
            text = WRONG + text
        if not count:
            text = "·".center(min(field, self.layout.tile))
        elif self.values is CellValues.COUNTS and len(text) > self.layout.tile:
            text = ""  # in a thumbnail: rather no number than half of one
        elif self.layout.cell_height == 1 and field <= self.layout.tile:
            text = text.rjust(field)
        return text.center(self.layout.tile)[: self.layout.tile]

    @cached_property
    def _largest(self) -> int:
        return max(map(max, self.counts))

    def _difference(self, comparison: MatrixComparison, true: int, predicted: int) -> str:
        """Return the change in counts or percentage points of the row, with a sign for its direction if that fits."""
        change = comparison.change
        direction, count, share = (part[true, predicted] for part in (change.directions, change.counts, change.shares))
        if share != share:
            return "–"
        if not direction and not count:
            return "·"
        in_counts = comparison.in_counts and self.values is CellValues.COUNTS
        text = (f"{int(count):+,}" if in_counts else f"{float(share) * 100:+.1f}").replace("-", "−")
        signed = SIGNS.get(int(direction), "") + text
        return signed if len(signed) <= self.layout.tile else text

    def _score(self, now: float | None, before: float | None) -> str:
        """Return a score in percent, or its change in percentage points."""
        if self.comparison is None:
            return percent(now)
        if now is None or before is None:
            return "–"
        return f"{(now - before) * 100:+.2f}".replace("-", "−") if now != before else "·"

    def _right(self, score: str, support: str, colour: Color, bold: bool = False) -> list[Segment]:
        layout = self.layout
        words = score.rjust(layout.recall - layout.support - 1)
        if not layout.support:
            return [self._text(words, colour, bold=bold)]
        return [self._text(words, colour, bold=bold), self._text(support.rjust(layout.support), self.colours.quiet)]

    def _names(self, visible: Sequence[int]) -> tuple[list[Segment], list[Segment], list[Segment]]:
        layout, colours = self.layout, self.colours
        cells = []
        for predicted in visible:
            selected = predicted == self.cursor[1]
            text = padded(layout.headings[predicted], layout.tile, "center") + " "
            cells.append(self._text(text, colours.predicted_class if selected else colours.foreground, bold=selected))
        return (
            [self._text(TRUE.rjust(layout.label - 2), colours.true_class)],
            cells,
            self._right(RECALL if self.comparison is None else "recall ±", SUPPORT, colours.quiet),
        )

    def _heading(self, room: int) -> tuple[list[Segment], list[Segment], list[Segment]]:
        return [], [self._text("predicted".center(max(0, room - 1)), self.colours.predicted_class)], []

    def _precision(self, visible: Sequence[int]) -> tuple[list[Segment], list[Segment], list[Segment]]:
        """Draw the precisions, with the accuracy below the recalls."""
        layout, colours, comparison = self.layout, self.colours, self.comparison
        cells = []
        for predicted in visible:
            score, selected = self.report.classes[predicted], predicted == self.cursor[1]
            digits = 1 if layout.tile >= 4 else 0
            if comparison is not None:
                text = self._score(score.precision, comparison.before.classes[predicted].precision)
                text = text[: len(text) - 1] if len(text) > layout.tile else text
            else:
                text = "–" if score.precision is None else f"{score.precision * 100:.{digits}f}"
                text = "100" if text == "100.0" and layout.tile < 5 else text
            text = text.rjust(4 if digits else 3).center(layout.tile)[: layout.tile] + " "
            cells.append(self._text(text, colours.foreground if selected else colours.quiet, bold=selected))
        accuracy = self._score(self.report.accuracy, comparison.before.accuracy if comparison is not None else None)
        label = PRECISION if comparison is None else "prec. ±"
        return (
            [self._text(label.rjust(layout.label - 1), colours.quiet)],
            cells,
            self._right(accuracy, f"{self.report.total:,}", colours.foreground, bold=True),
        )

    def _totals(self, visible: Sequence[int]) -> tuple[list[Segment], list[Segment], list[Segment]]:
        layout, colours = self.layout, self.colours
        cells = [
            self._text(f"{score.predicted:,}".center(layout.tile)[: layout.tile] + " ", colours.quiet)
            for score in (self.report.classes[each] for each in visible)
        ]
        return [self._text(TOTAL.rjust(layout.label - 1), colours.quiet)], cells, []

    def _text(self, text: str, colour: Color, bold: bool = False) -> Segment:
        return Segment(text, paint(colour, self.colours.background, bold))

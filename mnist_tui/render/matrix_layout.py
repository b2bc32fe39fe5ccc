"""Layout of a confusion matrix: nearly square cells, as large as fit.

The totals of rows and columns are left out if they would make the cells less high.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnist_tui.render.text import clip, widest

TRUE, PRECISION, RECALL, TOTAL, SUPPORT = "true", "prec. %", "recall", "total", "support"
LONGEST_NAME, NAME_SHARE = 12, 1 / 6
"""Columns of a class name at most: these, or this share of the width."""
THUMBNAIL_CELL = 3
"""Least columns of a cell of a thumbnail, which may be too small for its count."""
SHORTEST_NAME = 5
"""Columns of a clipped name at least; numbers say more than shorter ones."""


@dataclass(frozen=True)
class MatrixLayout:
    """Columns: label, cells, recall. Rows: [heading], names, cells, [blank], precision. Sizes are in terminal cells.

    If the cells do not fit, they scroll between the labels and the recall.
    """

    classes: int
    left: int
    """Blank columns that centre the matrix."""
    top: int
    """Blank lines that centre the matrix."""
    label: int
    cell_width: int
    """The coloured tile and a gap of one column."""
    cell_height: int
    recall: int
    """Columns right of the cells: the recall and, if it fits, the support."""
    support: int
    """Columns of the support among these; 0 if it does not fit."""
    head: int
    """Lines above the cells: the names and, if it fits, a heading."""
    headings: tuple[str, ...]
    """Texts above the columns: names, or numbers if clipped names would be alike."""
    digits: int
    """Columns of the numbers beside the rows' names; 0 if the headings are names."""
    foot: int
    """Lines below the cells: the precision and, if they fit, a blank line and the predictions of each class."""

    @property
    def has_predictions(self) -> bool:
        """True if the last line counts the predictions of each class."""
        return self.foot >= 3

    @property
    def tile(self) -> int:
        """Coloured columns of a cell."""
        return self.cell_width - 1

    @property
    def cells_width(self) -> int:
        """Columns of all cells of a row."""
        return self.classes * self.cell_width

    @property
    def cells_height(self) -> int:
        """Lines of all rows."""
        return self.classes * self.cell_height

    @property
    def cells_left(self) -> int:
        """Column of the first cell."""
        return self.left + self.label

    @property
    def cells_top(self) -> int:
        """Line of the first cell."""
        return self.top + self.head

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the whole matrix."""
        return self.cells_left + self.cells_width + self.recall, self.cells_top + self.cells_height + self.foot

    def cell_at(self, column: int, line: int) -> tuple[int, int] | None:
        """Return the (true, predicted) cell at an unscrolled position, or None beside the cells."""
        true, predicted = (line - self.cells_top) // self.cell_height, (column - self.cells_left) // self.cell_width
        inside = 0 <= true < self.classes and 0 <= predicted < self.classes
        return (true, predicted) if inside else None


def matrix_layout(names: Sequence[str], largest: int, width: int, height: int) -> MatrixLayout:
    """Lay out a matrix of the classes `names`, with counts up to `largest`, in `width` x `height` terminal cells."""
    named = _layout(names, 0, largest, width, height)
    clipped = tuple(clip(name, named.tile) for name in names)
    if len(set(clipped)) == len(clipped) and (named.tile >= SHORTEST_NAME or clipped == tuple(names)):
        return replace(named, headings=clipped)
    digits = len(str(len(names) - 1))
    return replace(_layout(names, digits, largest, width, height), headings=tuple(map(str, range(len(names)))))


def thumbnail_layout(
    names: Sequence[str], ranked: Sequence[int], largest: int, width: int, height: int
) -> tuple[MatrixLayout, tuple[int, ...]]:
    """Lay out a matrix without scores in `width` x `height` terminal cells, and return the classes that fit.

    Args:
        names: Names of all classes.
        ranked: All classes, the most important first; the first that fit are laid out by their numbers.
        largest: Largest count, for which cells are widened if there is room.
    """
    digits = len(str(len(names) - 1)) if widest(names) >= THUMBNAIL_CELL else 0
    label = max(len(TRUE), min(LONGEST_NAME, widest(names)) + bool(digits) + digits) + 2
    least = max(THUMBNAIL_CELL, digits + 1)
    classes = max(0, min(len(names), (width - label) // least, height - 1))
    cell_width = max(least, min(max(4, len(str(largest)) + 1), (width - label) // max(1, classes)))
    head = 2 if height >= classes + 2 else 1
    cell_height = max(1, min((height - head) // max(1, classes), cell_width // 2))
    layout = MatrixLayout(
        classes=classes,
        left=max(0, (width - label - classes * cell_width) // 2),
        top=max(0, (height - head - classes * cell_height) // 2),
        label=label,
        cell_width=cell_width,
        cell_height=cell_height,
        recall=0,
        support=0,
        head=head,
        headings=tuple(map(str, range(len(names)))) if digits else tuple(names),
        digits=digits,
        foot=0,
    )
    return layout, tuple(sorted(ranked[:classes]))


def _layout(names: Sequence[str], digits: int, largest: int, width: int, height: int) -> MatrixLayout:
    classes = max(1, len(names))
    label = max(len(PRECISION) + 1, min(max(LONGEST_NAME, int(width * NAME_SHARE)), widest(names)) + 2)
    label += digits + 1 if digits else 0
    recall, support = len("100.00 %") + 2, len(SUPPORT) + 2
    cell_width, cell_height = _cell(classes, largest, width - label - recall, height)
    if label + classes * cell_width + recall > width and height < classes + 2:
        recall = 0  # a small terminal, where cells scroll: rather more of them than scores
    with_support = _cell(classes, largest, width - label - recall - support, height)
    fits = label + classes * with_support[0] + recall + support <= width
    if fits and with_support[1] == cell_height:
        recall, cell_width = recall + support, with_support[0]
    else:
        support = 0
    spare = height - 2 - classes * cell_height
    head, foot = (2 if spare >= 1 else 1), min(3, max(1, spare))
    return MatrixLayout(
        classes=classes,
        left=max(0, (width - label - classes * cell_width - recall) // 2),
        top=max(0, (height - head - classes * cell_height - foot) // 2),
        label=label,
        cell_width=cell_width,
        cell_height=cell_height,
        recall=recall,
        support=support,
        head=head,
        headings=(),
        digits=digits,
        foot=foot,
    )


def _cell(classes: int, largest: int, width: int, height: int) -> tuple[int, int]:
    tall = max(1, (height - 2) // classes)
    cell_width = max(4, len(str(largest)) + 1, min(width // classes, 2 * tall + 6))
    return cell_width, max(1, min(tall, cell_width // 2))

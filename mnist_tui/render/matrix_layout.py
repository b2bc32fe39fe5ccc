"""Where everything of a confusion matrix stands, from the room there is: cells as large as fit, near to square.

The marginals (how many digits a row and a column have) are left out where they would cost the cells their height.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TRUE, PRECISION, RECALL, READ, SUPPORT = "true", "prec. %", "recall", "read as", "support"
LONGEST_NAME = 12


@dataclass(frozen=True)
class MatrixLayout:
    """Columns: label, cells, recall. Rows: [heading], names, cells, [blank], precision. All sizes in terminal cells.

    The labels and the recall stand still while the cells between them scroll, should they not fit.
    """

    classes: int
    left: int
    """Blank columns that centre the whole."""
    top: int
    """Blank lines that centre the whole."""
    label: int
    cell_width: int
    """With the gap of one column behind the tile."""
    cell_height: int
    recall: int
    """Columns right of the cells: the recall, and the support behind it where there is room."""
    support: int
    """Of these, the columns of the support; 0 without."""
    head: int
    """Lines above the cells: the names, and the heading over them where it fits."""
    foot: int
    """Lines below the cells: precision, a blank one before it, and how often each class was read, where they fit."""

    @property
    def with_reads(self) -> bool:
        """Whether the last line says how often each class was read."""
        return self.foot >= 3

    @property
    def tile(self) -> int:
        """Columns of a cell that are coloured."""
        return self.cell_width - 1

    @property
    def cells_width(self) -> int:
        """Columns that all cells of a row take."""
        return self.classes * self.cell_width

    @property
    def cells_height(self) -> int:
        """Lines that all rows take."""
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
        """Columns and lines of the whole."""
        return self.cells_left + self.cells_width + self.recall, self.cells_top + self.cells_height + self.foot

    def cell_at(self, column: int, line: int) -> tuple[int, int] | None:
        """The (true, predicted) cell at a place of the whole, unscrolled; None beside the cells."""
        true, predicted = (line - self.cells_top) // self.cell_height, (column - self.cells_left) // self.cell_width
        inside = 0 <= true < self.classes and 0 <= predicted < self.classes
        return (true, predicted) if inside else None


def matrix_layout(names: Sequence[str], largest: int, width: int, height: int) -> MatrixLayout:
    """Lay out a matrix of these classes, whose largest count is `largest`, in `width` x `height` terminal cells."""
    classes = max(1, len(names))
    label = max([len(PRECISION), *(min(LONGEST_NAME, len(name)) for name in names)]) + 1
    recall, support = len("100.00 %") + 2, len(SUPPORT) + 2
    cell_width, cell_height = _cell(classes, largest, width - label - recall, height)
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
        foot=foot,
    )


def _cell(classes: int, largest: int, width: int, height: int) -> tuple[int, int]:
    """Width and height of a cell, all of which have so much room."""
    tall = max(1, (height - 2) // classes)
    cell_width = max(4, len(str(largest)) + 1, min(width // classes, 2 * tall + 6))
    return cell_width, max(1, min(tall, cell_width // 2))

"""A confusion matrix without scores and cursor, small enough to stand beside other things."""

from collections.abc import Sequence

import numpy as np
from rich.text import Text

from mnist_tui.analysis.confusion import report
from mnist_tui.render.matrix_layout import thumbnail_layout
from mnist_tui.ui.confusion.matrix_painter import CellValues, Counts, MatrixPainter
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import palette_of, text_of

NO_CURSOR = (-1, -1)


class MatrixThumbnail(LineWidget):
    """The matrix, or of many classes those with the most mistakes; or a sentence."""

    DEFAULT_CSS = """
    MatrixThumbnail { border: round $frame; border-title-color: $foreground; border-subtitle-color: $quiet; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content: tuple[Counts, tuple[str, ...]] | str = ""

    def show(self, content: tuple[Counts, tuple[str, ...]] | str) -> None:
        """Show counts by true and predicted class with the names of the classes, or a sentence."""
        if content != self._content:
            self._content = content
            self.redraw()

    def draw(self) -> list[Text]:
        colours, (width, height) = palette_of(self), self.size
        if isinstance(self._content, str):
            return list(Text(self._content, colours.quiet.hex).wrap(self.app.console, max(1, width)))
        counts, names = self._content
        layout, order = thumbnail_layout(names, most_confused(counts), max(map(max, counts)), width, height)
        subtitle = f"{len(order)} of {len(names)} classes" if len(order) < len(names) else ""
        if subtitle != self.border_subtitle:
            self.call_later(setattr, self, "border_subtitle", subtitle)  # not while it is being painted
        painter = MatrixPainter(
            counts, names, report(counts), layout, colours, NO_CURSOR, CellValues.COUNTS, order=order
        )
        return [text_of(painter.line(y, 0, 0, width, height)) for y in range(height)]


def most_confused(counts: Sequence[Sequence[int]]) -> list[int]:
    """Return all classes, those with the most mistakes first."""
    matrix = np.array(counts)
    mistakes = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    found: list[int] = np.argsort(-mistakes, kind="stable").tolist()
    return found

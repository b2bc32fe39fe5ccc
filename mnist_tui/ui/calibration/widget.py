"""Base of the widgets that draw a reliability diagram's figures."""

from rich.text import Text

from mnist_tui.analysis.calibration import Reliability
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import palette_of
from mnist_tui.ui.theme import Palette


class CalibrationWidget(LineWidget):
    """Redraws when the figures change. Subclasses define `lines`."""

    def __init__(self) -> None:
        super().__init__()
        self._figures: Reliability | None = None

    def show(self, figures: Reliability) -> None:
        """Show other figures."""
        if figures is not self._figures:
            self._figures = figures
            self.redraw()

    def draw(self) -> list[Text]:
        if self._figures is None:
            return []
        return self.lines(self._figures, palette_of(self), self.size.width, self.size.height)

    def lines(self, figures: Reliability, colours: Palette, width: int, height: int) -> list[Text]:
        """Draw the figures in at most `height` lines of `width` cells."""
        raise NotImplementedError

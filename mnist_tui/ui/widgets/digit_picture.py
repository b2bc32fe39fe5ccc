"""One digit as large as fits, in whole multiples of 28x28."""

import numpy as np
from numpy.typing import NDArray
from textual.strip import Strip
from textual.widget import Widget

from mnist_tui.render.pictures import enlarge, half_blocks
from mnist_tui.ui.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


def scale_for(side: int, width: int, height: int) -> int:
    """The largest whole number of times that `side` pixels fit into `width` x `height` cells; at least 1."""
    return max(1, min(width // side, height * 2 // side))


class DigitPicture(Widget):
    """Centred; drawn once for an image, a size and a theme."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._image: NDArray[np.uint8] | None = None
        self._lines: list[Strip] = []
        self._drawn_for: tuple[int, int, Palette] | None = None

    def show(self, image: NDArray[np.uint8]) -> None:
        """Show a square picture, uint8, 0 is paper."""
        if self._image is None or not np.array_equal(image, self._image):
            self._image, self._drawn_for = image, None
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the picture or of the paper around it."""
        colours = palette_of(self)
        width, height = self.size
        if self._drawn_for != (width, height, colours):
            self._lines, self._drawn_for = self._draw(colours), (width, height, colours)
        top = (height - len(self._lines)) // 2
        line = self._lines[y - top] if 0 <= y - top < len(self._lines) else Strip([])
        return line.adjust_cell_length(width, paint(behind=colours.background))

    def _draw(self, colours: Palette) -> list[Strip]:
        if self._image is None:
            return []
        width, height = self.size
        picture = enlarge(self._image, scale_for(len(self._image), width, height))
        left = max(0, (width - picture.shape[1]) // 2)
        margin = Strip.blank(left, paint(behind=colours.background))
        rows = half_blocks(picture, colours.background.rgb, colours.foreground.rgb)
        return [Strip.join((margin, Strip(row))).crop(0, width) for row in rows][:height]

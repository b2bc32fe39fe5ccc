"""One digit as large as fits, in whole multiples of 28x28, with what spoke for or against a class laid over it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from mnist_tui.render.images import enlarge, half_blocks, marked_blocks, tinted_blocks
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


@dataclass(frozen=True)
class SaliencyOverlay:
    """A saliency map; `values` are as many signed bytes as the picture has pixels."""

    values: bytes
    with_marks: bool = False
    """As + and - rather than in colours."""

    def map(self, shape: tuple[int, ...]) -> NDArray[np.int8]:
        """The map in the shape of the picture."""
        return np.frombuffer(self.values, dtype=np.int8).reshape(shape)


def scale_for(side: int, width: int, height: int) -> int:
    """The largest whole number of times that `side` pixels fit into `width` x `height` cells; at least 1."""
    return max(1, min(width // side, height * 2 // side))


class DigitImage(Widget):
    """Centred; drawn once for an image, an overlay, a size and a theme."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._image: NDArray[np.uint8] | None = None
        self._overlay: SaliencyOverlay | None = None
        self._lines: list[Strip] = []
        self._drawn_for: tuple[int, int, Palette] | None = None

    def show(self, image: NDArray[np.uint8], overlay: SaliencyOverlay | None = None) -> None:
        """Show a square picture, uint8, 0 is paper."""
        if self._image is None or overlay != self._overlay or not np.array_equal(image, self._image):
            self._image, self._overlay, self._drawn_for = image, overlay, None
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
        factor = scale_for(len(self._image), width, height)
        left = max(0, (width - self._image.shape[1] * factor) // 2)
        margin = Strip.blank(left, paint(behind=colours.background))
        return [Strip.join((margin, Strip(row))).crop(0, width) for row in self._rows(factor, colours)][:height]

    def _rows(self, factor: int, colours: Palette) -> list[list[Segment]]:
        assert self._image is not None
        paper, ink, picture = colours.background.rgb, colours.foreground.rgb, enlarge(self._image, factor)
        if self._overlay is None:
            return half_blocks(picture, paper, ink)
        saliency = self._overlay.map(self._image.shape)
        if self._overlay.with_marks:
            return marked_blocks(self._image, saliency, factor, paper, ink)
        large = saliency.repeat(factor, axis=0).repeat(factor, axis=1)
        return tinted_blocks(picture, large, paper, ink, (colours.success.rgb, colours.wrong.rgb))

"""Widget that shows one image enlarged by a whole factor, optionally with a saliency map over it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from mnist_tui.render.images import enlarge, half_blocks, halve, marked_blocks, tinted_blocks
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

DIGIT_MARGIN = 3
"""Pixels at each side of an image of 28x28 that may be cut off: MNIST's digits fill the middle 20x20."""


@dataclass(frozen=True)
class SaliencyOverlay:
    """A saliency map: one signed byte per pixel."""

    values: bytes
    with_marks: bool = False
    """Drawn as + and - instead of colours."""

    def map(self, shape: tuple[int, ...]) -> NDArray[np.int8]:
        """Return the map in the shape of the image."""
        return np.frombuffer(self.values, dtype=np.int8).reshape(shape)


def scale_for(side: int, width: int, height: int) -> int:
    """Return the largest whole factor, at least 1, by which `side` pixels fit into `width` x `height` cells."""
    return max(1, min(width // side, height * 2 // side))


class DigitImage(Widget):
    """A centred image; its lines are cached until image, overlay, size or theme change."""

    def __init__(self) -> None:
        super().__init__()
        self._image: NDArray[np.uint8] | None = None
        self._overlay: SaliencyOverlay | None = None
        self._lines: list[Strip] = []
        self._drawn_for: tuple[int, int, Palette] | None = None

    def show(self, image: NDArray[np.uint8], overlay: SaliencyOverlay | None = None) -> None:
        """Show a square uint8 image; 0 is the background."""
        if self._image is None or overlay != self._overlay or not np.array_equal(image, self._image):
            self._image, self._overlay, self._drawn_for = image, overlay, None
            self.refresh()

    def render_line(self, y: int) -> Strip:
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
        image, saliency = self._image, self._overlay.map(self._image.shape) if self._overlay is not None else None
        margin = max(0, len(image) - min(width, 2 * height)) // 2
        if margin > DIGIT_MARGIN:  # rather every second pixel than half of the digit
            image, saliency = halve(image), saliency[::2, ::2] if saliency is not None else None
        elif margin:
            middle = slice(margin, len(image) - margin)
            image, saliency = image[middle, middle], saliency[middle, middle] if saliency is not None else None
        factor = scale_for(len(image), width, height)
        left = max(0, (width - image.shape[1] * factor) // 2)
        blank = Strip.blank(left, paint(behind=colours.background))
        rows = self._rows(image, saliency, factor, colours)
        return [Strip.join((blank, Strip(row))).crop(0, width) for row in rows][:height]

    def _rows(
        self, image: NDArray[np.uint8], saliency: NDArray[np.int8] | None, factor: int, colours: Palette
    ) -> list[list[Segment]]:
        greys, large = colours.greys, enlarge(image, factor)
        if saliency is None or self._overlay is None:
            return half_blocks(large, greys)
        if self._overlay.with_marks:
            return marked_blocks(image, saliency, factor, greys)
        large_saliency = saliency.repeat(factor, axis=0).repeat(factor, axis=1)
        return tinted_blocks(large, large_saliency, greys[0], greys[-1], (colours.success.rgb, colours.wrong.rgb))

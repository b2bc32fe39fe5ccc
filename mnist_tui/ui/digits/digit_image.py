"""Widget that shows one image, enlarged by a whole factor or reduced, optionally with a saliency map over it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from mnist_tui.render.images import enlarge, factor_for, half_blocks, marked_blocks, shrink, tinted_blocks
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


@dataclass(frozen=True)
class SaliencyOverlay:
    """A map over an image: one signed byte per pixel, 127 (or -127) where it is strongest."""

    values: bytes
    with_marks: bool = False
    """Drawn as + and - instead of colours."""

    def map(self, shape: tuple[int, ...]) -> NDArray[np.int8]:
        """Return the map of an image of this shape: (height, width)."""
        return np.frombuffer(self.values, dtype=np.int8).reshape(shape[:2])


class DigitImage(Widget):
    """A centred image; its lines are cached until image, overlay, size or theme change."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._image: NDArray[np.uint8] | None = None
        self._overlay: SaliencyOverlay | None = None
        self._margin = 0
        self._lines: list[Strip] = []
        self._drawn_for: tuple[int, int, Palette] | None = None

    def show(self, image: NDArray[np.uint8], margin: int, overlay: SaliencyOverlay | None = None) -> None:
        """Show an image, grey or RGB; `margin` pixels at each side may be cut off."""
        if self._image is None or overlay != self._overlay or not np.array_equal(image, self._image):
            self._image, self._margin, self._overlay, self._drawn_for = image, margin, overlay, None
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
        image = shrink(self._image, width, height, self._margin)
        saliency = None
        if self._overlay is not None:
            saliency = shrink(self._overlay.map(self._image.shape), width, height, self._margin)
        factor = factor_for(image.shape, width, height)
        left = max(0, (width - image.shape[1] * factor) // 2)
        blank = Strip.blank(left, paint(behind=colours.background))
        rows = self._rows(image, saliency, factor, colours)
        return [Strip.join((blank, Strip(row))).crop(0, width) for row in rows][:height]

    def _rows(
        self, image: NDArray[np.uint8], saliency: NDArray[np.int8] | None, factor: int, colours: Palette
    ) -> list[list[Segment]]:
        greys, large = colours.greys, enlarge(image, factor)
        if saliency is None or self._overlay is None:
            return half_blocks(large, greys, colours.rgb_mode)
        if self._overlay.with_marks:
            return marked_blocks(image, saliency, factor, greys)
        large_saliency = saliency.repeat(factor, axis=0).repeat(factor, axis=1)
        return tinted_blocks(large, large_saliency, greys[0], greys[-1], (colours.success.rgb, colours.wrong.rgb))

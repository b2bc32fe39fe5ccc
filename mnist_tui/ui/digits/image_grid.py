"""Widget that shows small images in a grid, each with a caption of two lines; or a sentence instead."""

from dataclasses import dataclass

import numpy as np
from rich.text import Text

from mnist_tui.render.images import enlarge, factor_for, half_blocks, shrink
from mnist_tui.render.text import padded
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

SIDE, MNIST_SIDE = 16, 12
"""Pixels of the longer side of an image that is shown, and of one like MNIST's, whose margin is cut off."""
CELL, GAP = 14, 2
"""Least columns of an image, which its caption needs, and columns between images."""
WIDEST_CELL = 18


@dataclass(frozen=True)
class GridImage:
    """One image, as the bytes of a uint8 array. The colours are attributes of Palette."""

    pixels: bytes
    first: str
    second: str
    first_colour: str = "foreground"
    second_colour: str = "quiet"


def grid_lines(
    images: tuple[GridImage, ...], shape: tuple[int, ...], margin: int, colours: Palette, width: int, height: int
) -> list[Text]:
    """Draw as many whole images as fit.

    Args:
        shape: (height, width) of grey images, (height, width, 3) of RGB ones.
        margin: Pixels at each side of an image that may be cut off.
    """
    side = MNIST_SIDE if margin else SIDE
    arrays = [np.frombuffer(image.pixels, np.uint8).reshape(shape) for image in images]
    small = [shrink(array, side, side // 2, margin) for array in arrays]
    large = [enlarge(array, factor_for(array.shape, side, side // 2)) for array in small]
    columns, rows_of_image = large[0].shape[1], -(-large[0].shape[0] // 2)
    across = max(1, width // max(CELL, columns + GAP))
    cell = min(max(WIDEST_CELL, columns + GAP), width // across)
    rows = max(1, (height + 1) // (rows_of_image + 3))  # two lines of caption, and a blank line between rows
    lines: list[Text] = []
    for start in range(0, min(len(images), across * rows), across):
        row = images[start : start + across]
        drawn = [half_blocks(image, colours.greys, colours.rgb_mode) for image in large[start : start + across]]
        if lines:
            lines.append(Text())
        for y in range(rows_of_image):
            line = Text()
            for blocks in drawn:
                for segment in blocks[y]:
                    line.append(segment.text, segment.style)
                line.append(" " * (cell - columns))
            lines.append(line)
        first, second = Text(), Text()
        for image in row:
            for line, text, colour in (
                (first, image.first, image.first_colour),
                (second, image.second, image.second_colour),
            ):
                line.append(padded(text, cell - 1) + " ", paint(getattr(colours, colour), bold=line is first))
        lines += [first, second]
    return lines


class ImageGrid(LineWidget):
    """A grid of images, or a sentence."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._content: tuple[GridImage, ...] | str = ""
        self._shape: tuple[int, ...] = ()
        self._margin = 0

    def show(self, content: tuple[GridImage, ...] | str, shape: tuple[int, ...], margin: int) -> None:
        """Show images of a shape and a margin that may be cut off, or a sentence instead."""
        if content != self._content:
            self._content, self._shape, self._margin = content, shape, margin
            self.redraw()

    def draw(self) -> list[Text]:
        colours, content = palette_of(self), self._content
        if not content:
            return []
        if isinstance(content, str):
            words = Text(content, style=paint(colours.quiet))
            return list(words.wrap(self.app.console, max(1, self.size.width)))
        return grid_lines(content, self._shape, self._margin, colours, self.size.width, self.size.height)

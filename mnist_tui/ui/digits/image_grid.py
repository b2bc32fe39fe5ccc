"""Widget that shows small images in a grid, each with a caption of two lines; or a sentence instead."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.geometry import Size

from mnist_tui.render.images import enlarge, factor_for, half_blocks, shrink
from mnist_tui.render.text import padded
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

SIDE, MNIST_SIDE = 16, 12
"""Pixels of the longer side of an image that is shown, and of one like MNIST's, whose margin is cut off."""
CAPTION = 3
"""Lines below an image: two of caption, and a blank one."""
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
    large = [drawn_image(np.frombuffer(image.pixels, np.uint8).reshape(shape), margin) for image in images]
    columns, rows_of_image = large[0].shape[1], -(-large[0].shape[0] // 2)
    across = images_across(columns, width)
    cell = min(max(WIDEST_CELL, columns + GAP), width // across)
    rows = max(1, (height + 1) // (rows_of_image + CAPTION))
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


def drawn_image(image: NDArray[np.uint8], margin: int) -> NDArray[np.uint8]:
    """Return an image in the size in which it is drawn."""
    side = MNIST_SIDE if margin else SIDE
    small = shrink(image, side, side // 2, margin)
    return enlarge(small, factor_for(small.shape, side, side // 2))


def images_across(columns: int, width: int) -> int:
    """Return how many images of some columns are side by side."""
    return max(1, width // max(CELL, columns + GAP))


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
            if self.styles.is_auto_height:
                self.refresh(layout=True)
            self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Return the lines that all images need, if the style sheet leaves the height to the content."""
        if not self._content or isinstance(self._content, str):
            return 1
        image = drawn_image(np.zeros(self._shape, np.uint8), self._margin)
        lines_of_image = -(-len(image) // 2) + CAPTION
        return -(-len(self._content) // images_across(image.shape[1], width)) * lines_of_image

    def draw(self) -> list[Text]:
        colours, content = palette_of(self), self._content
        if not content:
            return []
        if isinstance(content, str):
            words = Text(content, style=paint(colours.quiet))
            return list(words.wrap(self.app.console, max(1, self.size.width)))
        return grid_lines(content, self._shape, self._margin, colours, self.size.width, self.size.height)

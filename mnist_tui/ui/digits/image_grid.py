"""Widget that shows small images in a grid, each with a caption of two lines; or a sentence instead."""

from dataclasses import dataclass

import numpy as np
from rich.text import Text

from mnist_tui.render.images import crop, half_blocks, halve
from mnist_tui.render.text import clip
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

SIDE, MIDDLE = 28, 24
"""Pixels per side of an image, and of the middle that is shown."""
COLUMNS, ROWS = MIDDLE // 2, MIDDLE // 4
"""Terminal cells of the middle at half size."""
CELL, WIDEST_CELL = 14, 18
"""Columns of an image with its gap."""


@dataclass(frozen=True)
class GridImage:
    """One image: `pixels` are 784 bytes, 0 is the background. The colours are attributes of Palette."""

    pixels: bytes
    first: str
    second: str
    first_colour: str = "foreground"
    second_colour: str = "quiet"


def grid_lines(images: tuple[GridImage, ...], colours: Palette, width: int, height: int) -> list[Text]:
    """Draw as many whole images as fit."""
    across = max(1, width // CELL)
    cell = min(WIDEST_CELL, width // across)
    rows = max(1, (height + 1) // (ROWS + 3))  # an image, two lines of caption, and a blank line between rows
    lines: list[Text] = []
    for start in range(0, min(len(images), across * rows), across):
        row = images[start : start + across]
        drawn = [
            half_blocks(halve(crop(np.frombuffer(image.pixels, np.uint8).reshape(SIDE, SIDE), MIDDLE)), colours.greys)
            for image in row
        ]
        if lines:
            lines.append(Text())
        for y in range(ROWS):
            line = Text()
            for blocks in drawn:
                for segment in blocks[y]:
                    line.append(segment.text, segment.style)
                line.append(" " * (cell - COLUMNS))
            lines.append(line)
        first, second = Text(), Text()
        for image in row:
            for line, text, colour in (
                (first, image.first, image.first_colour),
                (second, image.second, image.second_colour),
            ):
                line.append(clip(text, cell - 1).ljust(cell), paint(getattr(colours, colour), bold=line is first))
        lines += [first, second]
    return lines


class ImageGrid(LineWidget):
    """A grid of images, or a sentence."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._content: tuple[GridImage, ...] | str = ""

    def show(self, content: tuple[GridImage, ...] | str) -> None:
        """Show images, or a sentence instead."""
        if content != self._content:
            self._content = content
            self.redraw()

    def draw(self) -> list[Text]:
        colours, content = palette_of(self), self._content
        if isinstance(content, str):
            words = Text(content, style=paint(colours.quiet))
            return list(words.wrap(self.app.console, max(1, self.size.width)))
        return grid_lines(content, colours, self.size.width, self.size.height)

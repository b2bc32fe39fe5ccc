"""Small digits side by side, each with two lines of words: as many as fit; or a sentence where there are none yet."""

from dataclasses import dataclass

import numpy as np
from rich.text import Text

from mnist_tui.render.images import crop, half_blocks, halve
from mnist_tui.render.text import clip
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

SIDE, MIDDLE = 28, 24
"""Pixels of a picture, and of its middle, which is shown."""
COLUMNS, ROWS = MIDDLE // 2, MIDDLE // 4
"""Cells that a halved middle takes."""
CELL, WIDEST_CELL = 14, 18
"""Columns of a picture with what is left of the words below it."""


@dataclass(frozen=True)
class Small:
    """One picture; `picture` is 784 bytes, 0 paper to 255 ink. The colours are names of Palette's."""

    picture: bytes
    first: str
    second: str
    first_colour: str = "foreground"
    second_colour: str = "quiet"


def grid_lines(smalls: tuple[Small, ...], colours: Palette, width: int, height: int) -> list[Text]:
    """Row after row of pictures; one that does not fit whole is left out."""
    across = max(1, width // CELL)
    cell = min(WIDEST_CELL, width // across)
    per_row = ROWS + 2
    fitting = max(1, (height + 1) // (per_row + 1))
    if fitting * per_row + fitting - 1 > height:
        fitting = 1
    lines: list[Text] = []
    for start in range(0, min(len(smalls), across * fitting), across):
        row = smalls[start : start + across]
        drawn = [
            half_blocks(
                halve(crop(np.frombuffer(small.picture, np.uint8).reshape(SIDE, SIDE), MIDDLE)),
                colours.background.rgb,
                colours.foreground.rgb,
            )
            for small in row
        ]
        if lines:
            lines.append(Text())
        for y in range(ROWS):
            line = Text()
            for picture in drawn:
                for segment in picture[y]:
                    line.append(segment.text, segment.style)
                line.append(" " * (cell - COLUMNS))
            lines.append(line)
        for words in (0, 1):
            line = Text()
            for small in row:
                text, colour = ((small.first, small.first_colour), (small.second, small.second_colour))[words]
                line.append(clip(text, cell - 1).ljust(cell), paint(getattr(colours, colour), bold=not words))
            lines.append(line)
    return lines


class ImageGrid(LineWidget):
    """Shows pictures or a sentence."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._content: tuple[Small, ...] | str = ""

    def show(self, content: tuple[Small, ...] | str) -> None:
        """Show other pictures, or why there are none."""
        if content != self._content:
            self._content = content
            self.redraw()

    def draw(self) -> list[Text]:
        """The lines."""
        colours, content = palette_of(self), self._content
        if isinstance(content, str):
            words = Text(content, style=paint(colours.quiet))
            return list(words.wrap(self.app.console, max(1, self.size.width)))
        return grid_lines(content, colours, self.size.width, self.size.height)

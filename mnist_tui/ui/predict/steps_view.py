"""Widget that draws the steps from a picture to the model's input."""

from functools import partial
from itertools import chain

from rich.text import Text

from mnist_tui.analysis.handwriting import Handwriting
from mnist_tui.inspection.predicting import step_tiles, tile_sizes
from mnist_tui.render.contact_sheet import Line, contact_sheet, sheet_height
from mnist_tui.render.images import half_blocks
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of, text_of
from mnist_tui.ui.theme import Palette

LARGEST, SMALLEST = 72, 12
"""Columns of a step."""


def step_columns(handwriting: Handwriting, width: int, height: int) -> int:
    """Return the columns of the largest steps that fit into `width` x `height` with the inputs below."""
    counts = len(handwriting.steps), len(handwriting.digits)
    for columns in range(min(LARGEST, width), SMALLEST, -2):
        sizes = tile_sizes(handwriting, columns)
        if sum(sheet_height(count, *size, width) for count, size in zip(counts, sizes, strict=True)) - 1 <= height:
            return columns
    return SMALLEST


def sheet_lines(handwriting: Handwriting, place: int, colours: Palette, width: int, height: int) -> list[Line]:
    """Draw steps and inputs with captions, as large as they fit into `width` x `height`."""
    greys = tuple(sorted(colours.greys, key=sum))  # a photograph is no negative in the light theme
    draw = partial(half_blocks, greys=greys, rgb_mode=colours.rgb_mode)
    styles = paint(colours.quiet), paint(colours.quiet)
    sheets = step_tiles(handwriting, step_columns(handwriting, width, height), place)
    drawn = [contact_sheet(tiles, width, draw, styles, widest=tiles[0].image.shape[1]) for tiles in sheets]
    return list(chain.from_iterable(drawn))


class StepsView(LineWidget):
    """The steps as images with captions, as large as fits."""

    def __init__(self) -> None:
        super().__init__(id="steps")
        self._handwriting: Handwriting | None = None
        self._place = 0

    def show(self, handwriting: Handwriting | None, place: int) -> None:
        """Show the steps of a picture, and mark one of its images; or show nothing."""
        if (handwriting, place) != (self._handwriting, self._place):
            self._handwriting, self._place = handwriting, place
            self.redraw()

    def draw(self) -> list[Text]:
        if self._handwriting is None or not self.size.area:
            return []
        lines = sheet_lines(self._handwriting, self._place, palette_of(self), *self.size)
        return list(map(text_of, lines))

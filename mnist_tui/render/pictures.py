"""Grey-scale pictures as terminal cells: two pixels a cell (upper half block), so that 28x28 is 28 columns x 14 rows.

A cell's style is one of LEVELS x LEVELS pairs and cached; equal neighbours share a Segment. Drawing 40 digits this way
took 4 to 8 ms, one rich.Text a cell 46 to 60 ms (measured on two cores of an AMD EPYC, Textual 8.2.8).
"""

from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

RGB = tuple[int, int, int]
LEVELS = 64
"""Steps from paper to ink. The eye does not see one (4 of 255), and the runs of 253, 254, 255 inside a stroke become
one Segment: fewer bytes on a slow link."""


def crop(image: NDArray[np.uint8], side: int = 22) -> NDArray[np.uint8]:
    """The middle `side` x `side` pixels: MNIST's digits lie in the middle 20x20, give or take their centre of mass."""
    top, left = (max(0, (length - side) // 2) for length in image.shape)
    return image[top : top + side, left : left + side]


def enlarge(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Every pixel as `factor` x `factor` pixels."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def half_blocks(image: NDArray[np.uint8], paper: RGB, ink: RGB) -> list[list[Segment]]:
    """A picture (height, width; 0 is paper, 255 ink) as ceil(height / 2) rows of Segments, `width` cells each."""
    levels = (image.astype(np.uint16) * (LEVELS - 1) + 127) // 255
    if len(levels) % 2:
        levels = np.vstack([levels, np.zeros_like(levels[:1])])
    rows = zip(levels[0::2].tolist(), levels[1::2].tolist(), strict=True)
    return [_row(upper, lower, paper, ink) for upper, lower in rows]


def mix(start: RGB, end: RGB, share: float) -> RGB:
    """The colour at `share` (0..1) of the way from one to another."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def _row(upper: list[int], lower: list[int], paper: RGB, ink: RGB) -> list[Segment]:
    segments = []
    for (top, bottom), cells in groupby(zip(upper, lower, strict=True)):
        width = sum(1 for _ in cells)
        segments.append(Segment((" " if top == bottom else "▀") * width, _style(top, bottom, paper, ink)))
    return segments


@lru_cache(maxsize=2 * LEVELS * LEVELS)
def _style(top: int, bottom: int, paper: RGB, ink: RGB) -> Style:
    background = _grey(bottom, paper, ink)
    return Style(bgcolor=background) if top == bottom else Style(color=_grey(top, paper, ink), bgcolor=background)


@lru_cache(maxsize=4 * LEVELS)
def _grey(level: int, paper: RGB, ink: RGB) -> Color:
    return Color.from_rgb(*mix(paper, ink, level / (LEVELS - 1)))

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

TINT_CURVE = 0.6
"""Exponent below 1: a weak voice must be seen beside the strongest."""
TINT_STEP = 8
"""Of 255: neighbours that differ by less share a Segment."""
MARKED = 32
"""Of 127: how strong a pixel speaks that gets a sign."""


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


def halve(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of 2 x 2 pixels: a picture of 28x28 becomes 14x14, and 14 columns x 7 rows."""
    height, width = (length // 2 for length in image.shape)
    pixels = image[: height * 2, : width * 2].reshape(height, 2, width, 2)
    return np.asarray(pixels.mean(axis=(1, 3)).round(), dtype=np.uint8)


def tinted_blocks(
    image: NDArray[np.uint8], saliency: NDArray[np.int8], paper: RGB, ink: RGB, speaks: tuple[RGB, RGB]
) -> list[list[Segment]]:
    """As `half_blocks`, the ink tinted by a map of the same shape: where above 0 in the first colour of `speaks`, where
    below in the second, the more the farther. The ink stays as dark or bright as it is thick."""
    strength = (np.abs(saliency.astype(np.float32)) / 127) ** TINT_CURVE
    tints = np.where((saliency > 0)[..., None], np.array(speaks[0], np.float32), np.array(speaks[1], np.float32))
    inked = np.array(ink, np.float32) * (1 - strength[..., None]) + tints * strength[..., None]
    level = image.astype(np.float32)[..., None] / 255
    colours = np.rint((np.array(paper, np.float32) * (1 - level) + inked * level) / TINT_STEP).astype(np.int32)
    colours = np.minimum(colours * TINT_STEP, 255)
    if len(colours) % 2:
        colours = np.concatenate([colours, np.broadcast_to(np.array(paper), colours[:1].shape)])
    packed = (colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2]
    return [
        [
            Segment((" " if top == bottom else "▀") * sum(1 for _ in cells), _pair(top, bottom))
            for (top, bottom), cells in groupby(zip(upper, lower, strict=True))
        ]
        for upper, lower in zip(packed[0::2].tolist(), packed[1::2].tolist(), strict=True)
    ]


def marked_blocks(
    image: NDArray[np.uint8], saliency: NDArray[np.int8], factor: int, paper: RGB, ink: RGB
) -> list[list[Segment]]:
    """As `half_blocks` of a picture enlarged by `factor`, with + and - where the map of the same shape as the picture
    is strong: for those who see no colour."""
    rows = []
    for y in range(-(-len(image) * factor // 2)):
        upper = min(2 * y // factor, len(image) - 1)
        lower = min((2 * y + 1) // factor, len(image) - 1)
        cells = []
        for x in range(image.shape[1]):
            above, below = int(saliency[upper, x]), int(saliency[lower, x])
            strongest = above if abs(above) >= abs(below) else below
            top, bottom = (int(image[place, x]) * (LEVELS - 1) // 255 for place in (upper, lower))
            if abs(strongest) < MARKED:
                cells.append(Segment((" " if top == bottom else "▀") * factor, _style(top, bottom, paper, ink)))
                continue
            grey = max(top, bottom)
            contrast = 0 if grey > LEVELS // 2 else LEVELS - 1
            style = Style(color=_grey(contrast, paper, ink), bgcolor=_grey(grey, paper, ink), bold=True)
            cells.append(Segment(("+" if strongest > 0 else "-").center(factor), style))
        rows.append(cells)
    return rows


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


@lru_cache(maxsize=16384)
def _pair(top: int, bottom: int) -> Style:
    above, below = (Color.from_rgb(each >> 16, each >> 8 & 255, each & 255) for each in (top, bottom))
    return Style(bgcolor=below) if top == bottom else Style(color=above, bgcolor=below)


@lru_cache(maxsize=4 * LEVELS)
def _grey(level: int, paper: RGB, ink: RGB) -> Color:
    return Color.from_rgb(*mix(paper, ink, level / (LEVELS - 1)))

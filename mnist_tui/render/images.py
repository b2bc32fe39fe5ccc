"""Grey-scale images as terminal cells: two pixels a cell (upper half block), so that 28x28 takes 28 columns x 14 rows.

Styles are cached and equal neighbours share a Segment, which is ten times as fast as one rich.Text a cell.
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
"""Grey levels from background to ink. A step (4 of 255) is invisible, and almost equal pixels of a stroke become one
Segment: fewer bytes on a slow link."""
TINT_EXPONENT = 0.6
"""Below 1, so that weak saliency is visible beside the strongest."""
TINT_STEP = 8
"""Colour steps (0..255); neighbours that differ by less share a Segment."""
MARK_THRESHOLD = 32
"""Saliency (0..127) from which a pixel is marked with + or -."""


def crop(image: NDArray[np.uint8], side: int = 22) -> NDArray[np.uint8]:
    """Return the middle `side` x `side` pixels; MNIST's digits fill 20x20 pixels around their centre of mass."""
    top, left = (max(0, (length - side) // 2) for length in image.shape)
    return image[top : top + side, left : left + side]


def enlarge(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Repeat every pixel `factor` times in both directions."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def half_blocks(image: NDArray[np.uint8], background: RGB, ink: RGB) -> list[list[Segment]]:
    """Draw an image, shape (height, width), 0 background to 255 ink, as ceil(height / 2) rows of `width` cells."""
    levels = (image.astype(np.uint16) * (LEVELS - 1) + 127) // 255
    if len(levels) % 2:
        levels = np.vstack([levels, np.zeros_like(levels[:1])])
    rows = zip(levels[0::2].tolist(), levels[1::2].tolist(), strict=True)
    return [_row(upper, lower, background, ink) for upper, lower in rows]


def halve(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average 2 x 2 pixels: shape (28, 28) becomes (14, 14)."""
    height, width = (length // 2 for length in image.shape)
    pixels = image[: height * 2, : width * 2].reshape(height, 2, width, 2)
    return np.asarray(pixels.mean(axis=(1, 3)).round(), dtype=np.uint8)


def tinted_blocks(
    image: NDArray[np.uint8], saliency: NDArray[np.int8], background: RGB, ink: RGB, tints: tuple[RGB, RGB]
) -> list[list[Segment]]:
    """Draw an image like `half_blocks`, with its ink tinted by a saliency map.

    Args:
        saliency: int8 of the image's shape.
        tints: The colours of positive and of negative saliency; the stronger it is, the stronger the tint.
    """
    strength = (np.abs(saliency.astype(np.float32)) / 127) ** TINT_EXPONENT
    tint = np.where((saliency > 0)[..., None], np.array(tints[0], np.float32), np.array(tints[1], np.float32))
    inked = np.array(ink, np.float32) * (1 - strength[..., None]) + tint * strength[..., None]
    level = image.astype(np.float32)[..., None] / 255
    colours = np.rint((np.array(background, np.float32) * (1 - level) + inked * level) / TINT_STEP).astype(np.int32)
    colours = np.minimum(colours * TINT_STEP, 255)
    if len(colours) % 2:
        colours = np.concatenate([colours, np.broadcast_to(np.array(background), colours[:1].shape)])
    packed = (colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2]
    return [
        [
            Segment((" " if top == bottom else "▀") * sum(1 for _ in cells), _pair(top, bottom))
            for (top, bottom), cells in groupby(zip(upper, lower, strict=True))
        ]
        for upper, lower in zip(packed[0::2].tolist(), packed[1::2].tolist(), strict=True)
    ]


def marked_blocks(
    image: NDArray[np.uint8], saliency: NDArray[np.int8], factor: int, background: RGB, ink: RGB
) -> list[list[Segment]]:
    """Draw an image like `half_blocks`, enlarged by `factor`, with + and - where saliency is strong.

    The marks stand for the tints of `tinted_blocks` where colours cannot be seen.
    """
    rows = []
    for y in range(-(-len(image) * factor // 2)):
        upper = min(2 * y // factor, len(image) - 1)
        lower = min((2 * y + 1) // factor, len(image) - 1)
        cells = []
        for x in range(image.shape[1]):
            above, below = int(saliency[upper, x]), int(saliency[lower, x])
            strongest = above if abs(above) >= abs(below) else below
            top, bottom = (int(image[place, x]) * (LEVELS - 1) // 255 for place in (upper, lower))
            if abs(strongest) < MARK_THRESHOLD:
                cells.append(Segment((" " if top == bottom else "▀") * factor, _style(top, bottom, background, ink)))
                continue
            grey = max(top, bottom)
            contrast = 0 if grey > LEVELS // 2 else LEVELS - 1
            style = Style(color=_grey(contrast, background, ink), bgcolor=_grey(grey, background, ink), bold=True)
            cells.append(Segment(("+" if strongest > 0 else "-").center(factor), style))
        rows.append(cells)
    return rows


def mix(start: RGB, end: RGB, share: float) -> RGB:
    """Return the colour at `share` (0..1) of the way from `start` to `end`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def _row(upper: list[int], lower: list[int], background: RGB, ink: RGB) -> list[Segment]:
    segments = []
    for (top, bottom), cells in groupby(zip(upper, lower, strict=True)):
        width = sum(1 for _ in cells)
        segments.append(Segment((" " if top == bottom else "▀") * width, _style(top, bottom, background, ink)))
    return segments


@lru_cache(maxsize=2 * LEVELS * LEVELS)
def _style(top: int, bottom: int, background: RGB, ink: RGB) -> Style:
    below = _grey(bottom, background, ink)
    return Style(bgcolor=below) if top == bottom else Style(color=_grey(top, background, ink), bgcolor=below)


@lru_cache(maxsize=16384)
def _pair(top: int, bottom: int) -> Style:
    above, below = (Color.from_rgb(each >> 16, each >> 8 & 255, each & 255) for each in (top, bottom))
    return Style(bgcolor=below) if top == bottom else Style(color=above, bgcolor=below)


@lru_cache(maxsize=4 * LEVELS)
def _grey(level: int, background: RGB, ink: RGB) -> Color:
    return Color.from_rgb(*mix(background, ink, level / (LEVELS - 1)))

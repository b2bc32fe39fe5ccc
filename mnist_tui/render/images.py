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


def half_blocks(image: NDArray[np.uint8], greys: tuple[RGB, ...]) -> list[list[Segment]]:
    """Draw an image as ceil(height / 2) rows of `width` cells.

    Args:
        image: Shape (height, width), 0 background to 255 ink.
        greys: At least two shades from background to ink.
    """
    return _rows(_numbers(greys)[_levels(image, greys)], greys[0])


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
    return _rows((colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2], background)


def marked_blocks(
    image: NDArray[np.uint8], saliency: NDArray[np.int8], factor: int, greys: tuple[RGB, ...]
) -> list[list[Segment]]:
    """Draw an image like `half_blocks`, enlarged by `factor`, with + and - where saliency is strong.

    The marks stand for the tints of `tinted_blocks` where colours cannot be seen.
    """
    numbers, levels = _numbers(greys).tolist(), _levels(image, greys).tolist()
    rows = []
    for y in range(-(-len(image) * factor // 2)):
        upper = min(2 * y // factor, len(image) - 1)
        lower = min((2 * y + 1) // factor, len(image) - 1)
        cells = []
        for x in range(image.shape[1]):
            above, below = int(saliency[upper, x]), int(saliency[lower, x])
            strongest = above if abs(above) >= abs(below) else below
            top, bottom = levels[upper][x], levels[lower][x]
            if abs(strongest) < MARK_THRESHOLD:
                cells.append(Segment((" " if top == bottom else "▀") * factor, _style(numbers[top], numbers[bottom])))
                continue
            grey = max(top, bottom)
            contrast = 0 if grey > len(greys) // 2 else -1
            style = Style(color=_colour(numbers[contrast]), bgcolor=_colour(numbers[grey]), bold=True)
            cells.append(Segment(("+" if strongest > 0 else "-").center(factor), style))
        rows.append(cells)
    return rows


def _levels(image: NDArray[np.uint8], greys: tuple[RGB, ...]) -> NDArray[np.intp]:
    """Return the nearest shade of each pixel, as its place in `greys`."""
    return (image.astype(np.intp) * (len(greys) - 1) + 127) // 255


def _number(colour: RGB) -> int:
    """Return a colour as 0xRRGGBB."""
    red, green, blue = colour
    return red << 16 | green << 8 | blue


@lru_cache(maxsize=8)
def _numbers(greys: tuple[RGB, ...]) -> NDArray[np.int32]:
    return np.array([_number(grey) for grey in greys], dtype=np.int32)


def _rows(colours: NDArray[np.int32], background: RGB) -> list[list[Segment]]:
    """Join two rows of colours (0xRRGGBB) to one row of cells; an odd last row ends on the background."""
    if len(colours) % 2:
        colours = np.vstack([colours, np.full_like(colours[:1], _number(background))])
    return [
        [
            Segment((" " if top == bottom else "▀") * sum(1 for _ in cells), _style(top, bottom))
            for (top, bottom), cells in groupby(zip(upper, lower, strict=True))
        ]
        for upper, lower in zip(colours[0::2].tolist(), colours[1::2].tolist(), strict=True)
    ]


@lru_cache(maxsize=16384)
def _style(top: int, bottom: int) -> Style:
    return Style(bgcolor=_colour(bottom)) if top == bottom else Style(color=_colour(top), bgcolor=_colour(bottom))


def _colour(rgb: int) -> Color:
    return Color.from_rgb(rgb >> 16, rgb >> 8 & 255, rgb & 255)

"""Images as terminal cells: two pixels a cell (upper half block), so that 28x28 takes 28 columns x 14 rows.

An image is (height, width) grey, 0 background to 255 ink, or (height, width, 3) RGB. Styles are cached and equal
neighbours share a Segment, which is ten times as fast as one rich.Text a cell.
"""

from enum import Enum
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

RGB = tuple[int, int, int]
TINT_EXPONENT = 0.6
"""Below 1, so that weak saliency is visible beside the strongest."""
BACKGROUND_TINT = 0.6
"""Tint of the background of a grey image, as a share of that of its ink."""
COLOUR_STEP = 8
"""Colour steps (0..255); neighbours that differ by less share a Segment."""
MARK_THRESHOLD = 32
"""Saliency (0..127) from which a pixel is marked with + or -."""


class RgbMode(Enum):
    """Colours in which a terminal shows RGB images."""

    EXACT = "exact"
    NUMBERED = "numbered"
    """In the colours 16 to 255, which are the same on all terminals."""
    LUMINANCE = "luminance"
    """Grey, with dots between the few shades."""


MNIST_SIDE, MNIST_MARGIN = 28, 3
"""Pixels per side of MNIST's images, and of their almost blank margin: digits fill the middle 20x20."""
INK_IN_MARGIN = 0.05
"""Share of the ink up to which a margin counts as blank: 0.01 of MNIST's is there, 0.15 of Fashion-MNIST's."""
SAMPLED = 1000
"""Images that decide about the margin."""
LUMINANCE = np.array((0.299, 0.587, 0.114), dtype=np.float32)
"""Weights of red, green and blue (ITU-R BT.601)."""
CUBE = np.array((0, 95, 135, 175, 215, 255), dtype=np.int32)
"""Levels of a channel in the colours 16 to 231; 232 to 255 are greys from 8, in steps of 10."""
DOTS = (np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)), dtype=np.float32) + 0.5) / 16
"""Thresholds of ordered dithering (Bayer's matrix)."""


def blank_margin(images: NDArray[np.uint8]) -> int:
    """Return how many pixels may be cut off at each side of these images: a few of digits like MNIST's, else none.

    Args:
        images: Shape (n, height, width) or (n, height, width, 3).
    """
    if images.shape[1:] != (MNIST_SIDE, MNIST_SIDE):
        return 0
    ink = images[:SAMPLED].sum(axis=0, dtype=np.int64)
    inner = slice(MNIST_MARGIN, -MNIST_MARGIN)
    return MNIST_MARGIN if ink.sum() - ink[inner, inner].sum() <= INK_IN_MARGIN * ink.sum() else 0


def enlarge(image: NDArray[Any], factor: int) -> NDArray[Any]:
    """Repeat every pixel `factor` times in both directions."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def factor_for(shape: tuple[int, ...], columns: int, lines: int) -> int:
    """Return the largest whole factor, at least 1, by which an image of this shape fits into `columns` x `lines`."""
    return max(1, min(columns // shape[1], 2 * lines // shape[0]))


def shrink(image: NDArray[Any], columns: int, lines: int, margin: int = 0) -> NDArray[Any]:
    """Return an image or a saliency map that fits into `columns` x `lines`, with its aspect.

    One that is too large is cut by up to `margin` pixels at each side. If that is not enough, pixels are averaged.
    """
    room = max(1, min(columns, 2 * lines))
    if margin and max(image.shape[:2]) > room:
        pieces = -(-(max(image.shape[:2]) - 2 * margin) // room)
        image = _crop(image, pieces * room)
    size = fitted_size(image.shape, columns, lines)
    return image if size == image.shape[:2] else _mean_pixels(image, size)


def fitted_size(shape: tuple[int, ...], columns: int, lines: int) -> tuple[int, int]:
    """Return the pixels, (height, width), of an image of this shape that is reduced if it does not fit."""
    height, width = shape[:2]
    scale = min(1.0, columns / width, 2 * lines / height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def half_blocks(
    image: NDArray[np.uint8], greys: tuple[RGB, ...], rgb_mode: RgbMode = RgbMode.EXACT
) -> list[list[Segment]]:
    """Draw an image as ceil(height / 2) rows of `width` cells.

    Args:
        image: Shape (height, width), 0 background to 255 ink, or (height, width, 3).
        greys: At least two shades from background to ink.
        rgb_mode: How to draw a coloured image.
    """
    if image.ndim == 2:
        return cell_rows(shade_numbers(greys)[_levels(image, greys)], greys[0])
    if rgb_mode is RgbMode.LUMINANCE:
        return cell_rows(_dithered(image, greys), greys[0])
    return cell_rows(_packed(_cube_colours(image) if rgb_mode is RgbMode.NUMBERED else _steps(image)), greys[0])


def luminance(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as grey, shape (height, width)."""
    return image if image.ndim == 2 else (image @ LUMINANCE).round().astype(np.uint8)


def tinted_blocks(
    image: NDArray[np.uint8], saliency: NDArray[np.int8], background: RGB, ink: RGB, tints: tuple[RGB, RGB]
) -> list[list[Segment]]:
    """Draw an image like `half_blocks`, tinted by a saliency map, its ink more than its background; RGB in grey.

    Args:
        saliency: int8, shape (height, width).
        tints: The colours of positive and of negative saliency; the stronger it is, the stronger the tint.
    """
    strength = (np.abs(saliency.astype(np.float32)) / 127) ** TINT_EXPONENT
    tint = np.where((saliency > 0)[..., None], np.array(tints[0], np.float32), np.array(tints[1], np.float32))
    level, strength = luminance(image).astype(np.float32)[..., None] / 255, strength[..., None]
    plain = 255 * level
    if image.ndim == 2:  # a stroke stays visible, however strong the tint around it is
        plain = np.array(background, np.float32) * (1 - level) + np.array(ink, np.float32) * level
        strength = strength * (BACKGROUND_TINT + (1 - BACKGROUND_TINT) * level)
    return cell_rows(_packed(_steps(plain * (1 - strength) + tint * strength)), background)


def marked_blocks(
    image: NDArray[np.uint8], saliency: NDArray[np.int8], factor: int, greys: tuple[RGB, ...]
) -> list[list[Segment]]:
    """Draw an image like `half_blocks`, enlarged by `factor`, with + and - where saliency is strong.

    The marks stand for the tints of `tinted_blocks` where colours cannot be seen.
    """
    numbers, levels = shade_numbers(greys).tolist(), _levels(luminance(image), greys).tolist()
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


def _crop(image: NDArray[Any], side: int) -> NDArray[Any]:
    """Return the middle `side` x `side` pixels."""
    top, left = (max(0, (length - side) // 2) for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def _mean_pixels(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return an image reduced to `size`: each pixel is the mean of what it covers."""
    down, across = (_cover(length, target) for length, target in zip(image.shape[:2], size, strict=True))
    means: NDArray[np.float64] = np.einsum("yh,hw...,xw->yx...", down, image.astype(np.float64), across, optimize=True)
    return means.astype(image.dtype) if image.dtype.kind == "f" else means.round().astype(image.dtype)


@lru_cache(maxsize=64)
def _cover(length: int, target: int) -> NDArray[np.float64]:
    """Return the share of each of `length` pixels in each of `target` larger ones, shape (target, length)."""
    edges, pixels = np.linspace(0, length, target + 1), np.arange(length)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares: NDArray[np.float64] = np.clip(covered, 0, None) * (target / length)
    return shares


def _steps(image: NDArray[Any]) -> NDArray[np.int32]:
    """Return colours rounded to steps, so that similar neighbours become equal."""
    return np.minimum(np.rint(image / COLOUR_STEP).astype(np.int32) * COLOUR_STEP, 255)


def _cube_colours(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the most similar of the colours 16 to 255 for each pixel, shape (height, width, 3)."""
    pixels = image.astype(np.int32)
    cube = CUBE[np.abs(pixels[..., None] - CUBE).argmin(axis=-1)]
    grey = 8 + 10 * np.clip((pixels.mean(axis=-1, keepdims=True) - 3) // 10, 0, 23).astype(np.int32)
    distances = [((pixels - each) ** 2).sum(axis=-1, keepdims=True) for each in (cube, grey)]
    colours: NDArray[np.int32] = np.where(distances[0] <= distances[1], cube, grey)
    return colours


def _dithered(image: NDArray[np.uint8], greys: tuple[RGB, ...]) -> NDArray[np.int32]:
    """Return the luminance in shades from dark to light (0xRRGGBB), with patterns of dots for those between two."""
    shades = tuple(sorted(set(greys)))  # also where ink is dark
    height, width = image.shape[:2]
    thresholds = np.tile(DOTS, (-(-height // 4), -(-width // 4)))[:height, :width]
    levels = (luminance(image) / 255 * (len(shades) - 1) + thresholds).astype(np.intp)
    return shade_numbers(shades)[np.minimum(levels, len(shades) - 1)]


def grey_of(level: int, greys: tuple[RGB, ...]) -> RGB:
    """Return the shade of a level, 0 background to 255 ink."""
    return greys[(level * (len(greys) - 1) + 127) // 255]


def _levels(image: NDArray[np.uint8], greys: tuple[RGB, ...]) -> NDArray[np.intp]:
    """Return the nearest shade of each pixel, as its place in `greys`."""
    return (image.astype(np.intp) * (len(greys) - 1) + 127) // 255


def _number(colour: RGB) -> int:
    """Return a colour as 0xRRGGBB."""
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _packed(colours: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return colours of shape (height, width, 3) as 0xRRGGBB."""
    return (colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2]


@lru_cache(maxsize=8)
def shade_numbers(greys: tuple[RGB, ...]) -> NDArray[np.int32]:
    """Return shades as 0xRRGGBB, shape (n,)."""
    return np.array([_number(grey) for grey in greys], dtype=np.int32)


def cell_rows(colours: NDArray[np.int32], background: RGB) -> list[list[Segment]]:
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
    return Style.from_color(None if top == bottom else _colour(top), _colour(bottom))  # twice as fast as Style()


@lru_cache(maxsize=16384)
def _colour(rgb: int) -> Color:
    return Color.from_rgb(rgb >> 16, rgb >> 8 & 255, rgb & 255)

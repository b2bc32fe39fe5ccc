"""Outputs and weights of a layer as pictures: feature maps, kernels, and values with a sign in two colours."""

import math
from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment

from mnist_tui.render.images import (
    RGB,
    cell_rows,
    enlarge,
    factor_for,
    fitted_size,
    luminance,
    shade_numbers,
    shrink,
)

Floats = NDArray[np.float32]
SIGN_THRESHOLD = 0.25
"""Share of the scale from which a negative cell is marked where it has no colour of its own."""
OUTSIDE = 0.4
"""Strength of the pixels outside of a patch."""


class Scale(Enum):
    """Largest value of a map's colours; the same value has the same colour in all maps of a unit, a layer, or all."""

    UNIT = "unit"
    LAYER = "layer"
    GLOBAL = "global"

    @property
    def following(self) -> "Scale":
        """The next scale in the order of the key."""
        scales = list(Scale)
        return scales[(scales.index(self) + 1) % len(scales)]


def channel_maps(output: Floats, *, channels_first: bool = False) -> Floats | None:
    """Return the output for one image as maps, shape (n, height, width); None if its rank has no maps.

    Args:
        output: Shape (height, width, channels); (steps, features) is one map; (depth, height, width, channels) has a
            map for each depth of each channel.
        channels_first: True if the channels are the first axis.
    """
    if output.ndim == 2:
        return output[None]
    if output.ndim not in (3, 4):
        return None
    maps = output if channels_first else np.moveaxis(output, -1, 0)
    return maps.reshape(-1, *maps.shape[-2:])


def kernel_pictures(kernel: Floats, origin: Sequence[int] = ()) -> Floats | None:
    """Return the weights of each output channel as a picture, shape (n, height, width); NaN between its parts.

    Args:
        kernel: Weights of a convolution, (..., inputs, outputs) with one or two spatial axes, or of a dense layer,
            (inputs, outputs). A kernel of another rank has no pictures.
        origin: Shape (height, width, channels) of the maps that were flattened to the inputs of a dense layer, if so.

    Returns:
        The parts of a picture are the input channels, row by row; None if there are no pictures.
    """
    if kernel.ndim == 2:
        parts = _dense_parts(kernel, tuple(origin))
    elif kernel.ndim == 3:
        return np.ascontiguousarray(kernel.transpose(2, 0, 1))
    elif kernel.ndim == 4:
        parts = kernel.transpose(3, 2, 0, 1)
    else:
        return None
    return _mosaics(parts)


def _dense_parts(kernel: Floats, origin: tuple[int, ...]) -> Floats:
    """Return the weights of each unit, shape (units, parts, height, width)."""
    inputs, units = kernel.shape
    if len(origin) == 3 and math.prod(origin) == inputs:
        return kernel.reshape(*origin, units).transpose(3, 2, 0, 1)
    width = math.ceil(math.sqrt(inputs))
    filled = np.full((units, 1, -(-inputs // width) * width), np.nan, np.float32)
    filled[:, 0, :inputs] = kernel.T
    return filled.reshape(units, 1, -1, width)


def _mosaics(parts: Floats) -> Floats:
    """Lay the parts of each picture out in a square, with a line of NaN between them."""
    count, pieces, height, width = parts.shape
    columns = min(pieces, math.ceil(math.sqrt(pieces * height / width)))
    rows = -(-pieces // columns)
    laid = np.full((count, rows * columns, height + 1, width + 1), np.nan, np.float32)
    laid[:, :pieces, :height, :width] = parts
    joined = laid.reshape(count, rows, columns, height + 1, width + 1).transpose(0, 1, 3, 2, 4)
    return joined.reshape(count, rows * (height + 1), columns * (width + 1))[:, :-1, :-1]


def limits_of(maps: Floats, scale: Scale, overall: float) -> Floats:
    """Return for each map the distance from 0 that has the full colour, shape (n,), never 0.

    Args:
        maps: Shape (n, height, width); values that are not finite do not count.
        overall: The limit of all layers, for the global scale.
    """
    sizes = np.abs(np.where(np.isfinite(maps), maps, 0)).max(axis=(1, 2))
    if scale is not Scale.UNIT:
        sizes = np.full_like(sizes, overall if scale is Scale.GLOBAL else sizes.max(initial=0.0))
    return np.where(sizes > 0, sizes, 1).astype(np.float32)


def fitted(values: NDArray[Any], columns: int, lines: int) -> NDArray[Any]:
    """Return a picture enlarged by a whole factor, or reduced to its means, so that it fits `columns` x `lines`."""
    height, width = values.shape[:2]
    if width > columns or height > 2 * lines:
        return shrink(np.nan_to_num(values) if values.dtype.kind == "f" else values, columns, lines)
    return enlarge(values, factor_for(values.shape, columns, lines))


def fitted_cells(shape: tuple[int, ...], columns: int, lines: int) -> tuple[int, int]:
    """Return the columns and lines that a picture of this shape takes when it is `fitted`."""
    height, width = fitted_size(shape, columns, lines)
    factor = factor_for((height, width), columns, lines)
    return width * factor, -(-height * factor // 2)


def signed_blocks(
    values: Floats, limit: float, positive: tuple[RGB, ...], negative: tuple[RGB, ...]
) -> list[list[Segment]]:
    """Draw values as ceil(height / 2) rows of `width` cells: above 0 in one colour, below in the other.

    Args:
        values: Shape (height, width). What is not finite has the colour of 0.
        limit: Distance from 0 that has the last shade.
        positive: Shades from background to the largest value.
        negative: The same below 0. If both are alike, cells below 0 are marked with a minus.
    """
    shares = np.clip(np.nan_to_num(values / limit), -1, 1)
    with_signs = positive == negative
    colours = np.where(
        shares < 0,
        shade_numbers(negative)[0 if with_signs else _levels(shares, negative)],
        shade_numbers(positive)[_levels(shares, positive)],
    )
    rows = cell_rows(colours, positive[0])
    return _with_signs(rows, shares) if with_signs else rows


def _levels(shares: Floats, shades: tuple[RGB, ...]) -> NDArray[np.intp]:
    levels: NDArray[np.intp] = np.rint(np.abs(shares) * (len(shades) - 1)).astype(np.intp)
    return levels


def _with_signs(rows: list[list[Segment]], shares: Floats) -> list[list[Segment]]:
    """Put a minus into the cells whose values are below 0."""
    padded = np.vstack([shares, np.zeros_like(shares[: len(shares) % 2])])
    lowest = np.minimum(padded[0::2], padded[1::2])
    highest = np.maximum(padded[0::2], padded[1::2])
    marked = (lowest <= -SIGN_THRESHOLD) & (-lowest > highest)
    drawn = []
    for row, marks in zip(rows, marked.tolist(), strict=True):
        cells = [Segment(letter, segment.style) for segment in row for letter in segment.text]
        drawn.append([Segment("-") if mark else cell for cell, mark in zip(cells, marks, strict=True)])
    return drawn


def patch_blocks(
    image: NDArray[np.uint8],
    patch: tuple[int, int, int, int],
    room: tuple[int, int],
    greys: tuple[RGB, ...],
    frame: RGB,
) -> list[list[Segment]]:
    """Draw an image in grey with a frame around a patch; what is outside of it is weaker.

    Args:
        image: Shape (height, width) grey or (height, width, 3).
        patch: Top, left, bottom (excluded) and right (excluded), in pixels of the image.
        room: Columns and lines that the image is fitted to.
        greys: Shades from background to ink.
        frame: Colour of the frame, which is drawn as far as it is inside the image.
    """
    grey = fitted(luminance(image), *room)
    scale = np.array(grey.shape) / image.shape[:2]
    top, left = np.floor(patch[:2] * scale).astype(int)
    bottom, right = np.ceil(patch[2:] * scale).astype(int)
    strength = np.full(grey.shape, OUTSIDE, np.float32)
    strength[top:bottom, left:right] = 1
    levels = np.rint(grey / 255 * strength * (len(greys) - 1)).astype(np.intp)
    colours = shade_numbers(greys)[levels]
    around = np.zeros(grey.shape, np.bool_)
    around[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = True
    around[top:bottom, left:right] = False
    colours[around] = shade_numbers((frame,))[0]
    return cell_rows(colours, greys[0])

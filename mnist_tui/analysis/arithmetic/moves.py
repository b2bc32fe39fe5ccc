"""Layers that move values without changing them: flattening, reshaping, padding, cropping, concatenation."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_tui.analysis.arithmetic.activations import axis_of
from mnist_tui.analysis.arithmetic.layer import Cell, Layer, Terms, pair_of


@dataclass(frozen=True, eq=False)
class Move(Terms):
    """A value from another place."""

    source: Cell | None
    """Cell that it comes from; None for a border of zeros."""
    number: int = 0
    """Number of the input that it comes from."""
    span: tuple[int, int] = (0, 0)
    """First cell (included) and last cell (excluded) of that input along the concatenated axis."""


def reshape(layer: Layer, cell: Cell) -> Terms:
    """Return the source of a cell of Flatten and Reshape, which keep the order of all values."""
    index = int(np.ravel_multi_index(cell, layer.output.shape))
    return _moved(layer, tuple(map(int, np.unravel_index(index, layer.input.shape))))


def permute(layer: Layer, cell: Cell) -> Terms:
    """Return the source of a cell of Permute."""
    source = [0] * len(cell)
    for place, axis in zip(cell, layer.config["dims"], strict=True):
        source[int(axis) - 1] = place
    return _moved(layer, tuple(source))


def repeat_vector(layer: Layer, cell: Cell) -> Terms:
    """Return the source of a cell of RepeatVector."""
    return _moved(layer, cell[1:])


def zero_padding(layer: Layer, cell: Cell) -> Terms:
    """Return the source of a cell of ZeroPadding2D."""
    top, left = _starts(layer.config["padding"])
    source = cell[0] - top, cell[1] - left, cell[2]
    is_inside = all(0 <= place < length for place, length in zip(source, layer.input.shape, strict=True))
    return _moved(layer, source if is_inside else None)


def cropping(layer: Layer, cell: Cell) -> Terms:
    """Return the source of a cell of Cropping2D."""
    top, left = _starts(layer.config["cropping"])
    return _moved(layer, (cell[0] + top, cell[1] + left, cell[2]))


def up_sampling(layer: Layer, cell: Cell) -> Terms:
    """Return the source of a cell of UpSampling2D, which repeats the nearest value."""
    if layer.config.get("interpolation", "nearest") != "nearest":
        raise ValueError("values between cells are interpolated")
    down, across = pair_of(layer.config["size"])
    return _moved(layer, (cell[0] // down, cell[1] // across, cell[2]))


def concatenate(layer: Layer, cell: Cell) -> Terms:
    """Return the input that a cell of Concatenate comes from, and its place there."""
    axis = axis_of(layer.config.get("axis", -1), layer.output.ndim)
    start = 0
    for number, each in enumerate(layer.inputs):
        end = start + each.shape[axis]
        if cell[axis] < end:
            source = (*cell[:axis], cell[axis] - start, *cell[axis + 1 :])
            return _moved(layer, source, number, (start, end))
        start = end
    raise IndexError("the cell is in none of the inputs")


def _moved(layer: Layer, source: Cell | None, number: int = 0, span: tuple[int, int] = (0, 0)) -> Move:
    value = 0.0 if source is None else float(layer.inputs[number][source])
    return Move(source, number, span, value=value, scale=abs(value))


def _starts(border: Any) -> tuple[int, int]:
    """Return the cells at the top and at the left of a border that Keras gives as a number, a pair or two pairs."""
    top, left = border if isinstance(border, list | tuple) else (border, border)
    return pair_of(top)[0], pair_of(left)[0]

"""The cells of a map that one output cell sees, and pooling over them."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.arithmetic.layer import Cell, Floats, Layer, Terms, pair_of


@dataclass(frozen=True)
class Window:
    """Rows and columns of a map; those below 0 or beyond its end are padding."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def inside(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return which of the cells are in a map of this shape, (height, width)."""
        rows, columns = np.array(self.rows), np.array(self.columns)
        in_rows, in_columns = (rows >= 0) & (rows < shape[0]), (columns >= 0) & (columns < shape[1])
        return np.asarray(in_rows[:, None] & in_columns[None, :])

    def patch(self, maps: Floats, fill: float) -> Floats:
        """Return the values of maps (height, width, channels) in the window, with `fill` in the padding."""
        rows = np.clip(self.rows, 0, maps.shape[0] - 1)
        columns = np.clip(self.columns, 0, maps.shape[1] - 1)
        return np.where(self.inside(maps.shape)[..., None], maps[rows[:, None], columns[None, :]], fill)


@dataclass(frozen=True, eq=False)
class Pooling(Terms):
    """A cell of a pooling layer."""

    method: Literal["max", "average"]
    window: Window
    patch: Floats
    """Values, (height, width); NaN in the padding, which does not count."""
    channel: int

    @property
    def winner(self) -> Cell:
        """Cell of the input with the largest value."""
        row, column = np.unravel_index(int(np.nanargmax(self.patch)), self.patch.shape)
        return self.window.rows[row], self.window.columns[column], self.channel

    @property
    def count(self) -> int:
        """Number of values."""
        return int(np.isfinite(self.patch).sum())


def window_of(cell: Cell, shape: tuple[int, ...], size: Any, strides: Any, padding: str, dilation: Any = 1) -> Window:
    """Return the window of an output cell.

    Args:
        cell: Row, column and channel of the output.
        shape: Height, width and channels of the input.
        size: Height and width of the kernel or pool, or one number for both; likewise strides and dilation.
        strides: Distance between the windows of neighbouring cells.
        padding: "valid", or "same" as TensorFlow defines it: if the padding is uneven, the end has more.
        dilation: Distance between neighbouring cells of the window.
    """
    rows, columns = (
        _places(cell[axis], shape[axis], pair_of(size)[axis], pair_of(strides)[axis], pair_of(dilation)[axis], padding)
        for axis in (0, 1)
    )
    return Window(rows, columns)


def pooling(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of MaxPooling2D and AveragePooling2D."""
    config = layer.config
    window = window_of(cell, layer.input.shape, config["pool_size"], config["strides"], config["padding"])
    return _pooled(layer, window, cell[-1])


def global_pooling(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of GlobalMaxPooling2D and GlobalAveragePooling2D."""
    height, width, _ = layer.input.shape
    return _pooled(layer, Window(tuple(range(height)), tuple(range(width))), cell[-1])


def adaptive_pooling(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of AdaptiveMaxPooling2D and AdaptiveAveragePooling2D, whose windows may differ in size."""
    lengths = zip(cell, layer.input.shape[:2], layer.output.shape[:2], strict=False)
    rows, columns = (
        tuple(range(place * length // count, -(-(place + 1) * length // count))) for place, length, count in lengths
    )
    return _pooled(layer, Window(rows, columns), cell[-1])


def _pooled(layer: Layer, window: Window, channel: int) -> Pooling:
    patch = window.patch(layer.input[..., channel : channel + 1], fill=math.nan)[..., 0]
    value = np.nanmax(patch) if "Max" in layer.kind else np.nanmean(patch)
    method: Literal["max", "average"] = "max" if "Max" in layer.kind else "average"
    return Pooling(method, window, patch, channel, value=float(value), scale=float(np.nanmean(np.abs(patch))))


def _places(place: int, length: int, size: int, stride: int, dilation: int, padding: str) -> tuple[int, ...]:
    extent = (size - 1) * dilation + 1
    before = 0
    if padding == "same":
        before = max((-(-length // stride) - 1) * stride + extent - length, 0) // 2
    start = place * stride - before
    return tuple(range(start, start + extent, dilation))

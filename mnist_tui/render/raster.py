"""Points -> letters of a canvas of terminal cells, as code points: braille dots for lines, marks for points. Pure."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Cells = NDArray[np.int64]
BLANK = 0x2800
"""The braille letter without a dot: nothing was drawn in the cell."""
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bit of each dot of a braille letter, [line][column]."""


def line_cells(x: Numbers, y: Numbers, columns: int, rows: int) -> Cells:
    """Join neighbouring points, shape (n,), in shares of the canvas, 0..1; y is up. Shape (rows, columns).

    A NaN breaks the line; a point between two of them is a dot.
    """
    cells = np.full((rows, columns), BLANK)
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return cells
    across = np.rint(np.where(known, x, 0.0) * (2 * columns - 1)).astype(np.int64)
    down = np.rint((1 - np.where(known, y, 0.0)) * (4 * rows - 1)).astype(np.int64)
    joined = np.flatnonzero(known[:-1] & known[1:])
    to_right, to_bottom = across[joined + 1] - across[joined], down[joined + 1] - down[joined]
    lengths = np.maximum(np.maximum(np.abs(to_right), np.abs(to_bottom)), 1)
    segment = np.repeat(np.arange(joined.size), lengths)
    begun = np.cumsum(lengths) - lengths
    share = (np.arange(segment.size) - begun[segment]) / lengths[segment]
    between_x = np.rint(across[joined][segment] + share * to_right[segment]).astype(np.int64)
    between_y = np.rint(down[joined][segment] + share * to_bottom[segment]).astype(np.int64)
    all_x, all_y = np.concatenate([between_x, across[known]]), np.concatenate([between_y, down[known]])
    np.bitwise_or.at(cells, (all_y // 4, all_x // 2), DOTS[all_y % 4, all_x % 2])
    return cells


def point_cells(x: Numbers, y: Numbers, columns: int, rows: int, marker: str) -> Cells:
    """A mark of one character at each point that is a number, in the cell in which `line_cells` has its dot."""
    cells = np.full((rows, columns), BLANK)
    known = np.isfinite(x) & np.isfinite(y)
    across = np.rint(x[known] * (2 * columns - 1)).astype(np.int64) // 2
    down = np.rint((1 - y[known]) * (4 * rows - 1)).astype(np.int64) // 4
    cells[down, across] = ord(marker)
    return cells

"""Points as code points of terminal cells: braille dots (2 x 4 a cell) for lines, one marker a cell for points."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Cells = NDArray[np.int64]
BLANK = 0x2800
"""The braille character without dots: nothing was drawn in the cell."""
DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bit of each dot of a braille character, [row][column]."""


def line_cells(x: Numbers, y: Numbers, columns: int, rows: int) -> Cells:
    """Join neighbouring points with braille lines.

    Args:
        x, y: shape (n,), as shares (0..1) of the canvas, y upwards. A NaN breaks the line; a lone point is a dot.

    Returns:
        Code points of shape (rows, columns).
    """
    cells = np.full((rows, columns), BLANK)
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return cells
    across, down = dots(np.where(known, x, 0.0), np.where(known, y, 0.0), columns, rows)
    starts = np.flatnonzero(known[:-1] & known[1:])
    to_right, to_bottom = across[starts + 1] - across[starts], down[starts + 1] - down[starts]
    lengths = np.maximum(np.maximum(np.abs(to_right), np.abs(to_bottom)), 1)
    segment = np.repeat(np.arange(starts.size), lengths)
    share = (np.arange(segment.size) - (np.cumsum(lengths) - lengths)[segment]) / lengths[segment]
    between_x = np.rint(across[starts][segment] + share * to_right[segment]).astype(np.int64)
    between_y = np.rint(down[starts][segment] + share * to_bottom[segment]).astype(np.int64)
    all_x, all_y = np.concatenate([between_x, across[known]]), np.concatenate([between_y, down[known]])
    np.bitwise_or.at(cells, (all_y // 4, all_x // 2), DOT_BITS[all_y % 4, all_x % 2])
    return cells


def point_cells(x: Numbers, y: Numbers, columns: int, rows: int, marker: str) -> Cells:
    """Put `marker` (one character) at each finite point, in the cell where `line_cells` has its dot."""
    cells = np.full((rows, columns), BLANK)
    known = np.isfinite(x) & np.isfinite(y)
    across, down = dots(x[known], y[known], columns, rows)
    cells[down // 4, across // 2] = ord(marker)
    return cells


def dots(x: Numbers, y: Numbers, columns: int, rows: int) -> tuple[Cells, Cells]:
    """Return the braille dot of each finite point: its column from the left and its row from the top.

    The width is shared from the first to the last dot. The height is shared from edge to edge, so that every row stands
    for an equal range of values.
    """
    down = np.floor((1 - y) * 4 * rows + 1e-9).astype(np.int64)
    return np.rint(x * (2 * columns - 1)).astype(np.int64), np.clip(down, 0, 4 * rows - 1)


def cells_of(x: list[float], y: list[float], columns: int, rows: int) -> tuple[list[int], list[int]]:
    """Return the columns of cells of shares of the width, and the rows of shares of the height, as points have them."""
    across, down = dots(np.array(x, dtype=float), np.array(y, dtype=float), columns, rows)
    return (across // 2).tolist(), (down // 4).tolist()

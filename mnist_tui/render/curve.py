"""A curve -> lines of braille: two dots a column, four a line. For small plots without axes of their own."""

import numpy as np

from mnist_tui.render.raster import BLANK, DOTS, Numbers


def place(value: float, limits: tuple[float, float], cells: int) -> int:
    """The cell of `cells`, counted from the lower limit, that a value falls into; beyond the limits the nearest one."""
    low, high = limits
    share = (value - low) / (high - low) if high > low else 1.0
    return min(max(0, int(share * cells)), cells - 1)


def braille_curve(
    x: Numbers, y: Numbers, width: int, height: int, x_limits: tuple[float, float], y_limits: tuple[float, float]
) -> list[str]:
    """Join the points (x, y), shape (n,) each, in `height` lines of `width` cells, the highest y on top.

    Points with NaN are left out; what is beyond the limits is drawn at the edge.
    """
    bits = np.zeros((height, width), dtype=np.int64)
    known = np.isfinite(x) & np.isfinite(y)
    columns, rows = 2 * width, 4 * height
    points = [
        (place(across, x_limits, columns), rows - 1 - place(up, y_limits, rows))
        for across, up in zip(x[known].tolist(), y[known].tolist(), strict=True)
    ]
    for (start, top), (end, bottom) in zip(points[:1] + points, points, strict=False):
        steps = max(abs(end - start), abs(bottom - top), 1)
        across = np.rint(np.linspace(start, end, steps + 1)).astype(int)
        down = np.rint(np.linspace(top, bottom, steps + 1)).astype(int)
        np.bitwise_or.at(bits, (down // 4, across // 2), DOTS[down % 4, across % 2])
    return ["".join(chr(BLANK + each) if each else " " for each in line) for line in bits.tolist()]

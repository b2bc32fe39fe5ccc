"""Counts -> upright bars of eighths of a cell, as lines of text."""

import math
from collections.abc import Sequence

EIGHTHS = " ▁▂▃▄▅▆▇█"
SMALLEST = 1
"""Eighths that anything above zero shows at least."""


def log_share(count: int, most: int) -> float:
    """How high a count stands on a logarithmic scale, 0..1: 0 is 0, `most` is 1, and a single one is seen beside it."""
    return math.log1p(count) / math.log1p(most) if most else 0.0


def upright_bars(shares: Sequence[float], width: int, height: int) -> list[str]:
    """One bar a share (0..1), each `width` cells with a gap of one where that leaves any, in `height` lines."""
    eighths = [max(SMALLEST, round(min(1.0, share) * height * 8)) if share > 0 else 0 for share in shares]
    body = width - 1 if width > 1 else width
    lines = []
    for line in range(height):
        below = (height - 1 - line) * 8
        cells = (EIGHTHS[min(8, max(0, each - below))] * body for each in eighths)
        lines.append("".join(cell.ljust(width) for cell in cells))
    return lines

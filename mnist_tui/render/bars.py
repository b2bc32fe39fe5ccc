"""Numbers as bars of block characters: sparklines and upright bars."""

import math
from collections.abc import Sequence

LEVELS = "▁▂▃▄▅▆▇█"
NOT_FINITE = "×"


def sparkline(values: Sequence[float | None], width: int, limits: tuple[float, float] | None = None) -> str:
    """Draw the whole series in one line of `width` cells, the newest value at the right.

    Args:
        values: If there are more than cells, each cell shows the mean of its values. Fewer than two leave it blank.
        limits: The values of the lowest and the highest bar; by default the range of the series.
    """
    if len(values) < 2 or width < 1:
        return " " * max(0, width)
    cells = min(width, len(values))
    parts = [values[len(values) * cell // cells : len(values) * (cell + 1) // cells] for cell in range(cells)]
    means = [_mean(part) for part in parts]
    known = [mean for mean in means if mean is not None]
    low, high = limits or (min(known, default=0.0), max(known, default=0.0))
    return "".join(NOT_FINITE if mean is None else _level(mean, low, high) for mean in means).rjust(width)


def _mean(values: Sequence[float | None]) -> float | None:
    """None if any value is not finite: a gap is not averaged away."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return sum(finite) / len(finite) if len(finite) == len(values) else None


def _level(value: float, low: float, high: float) -> str:
    if high <= low:
        return LEVELS[len(LEVELS) // 2 - 1]
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return LEVELS[min(len(LEVELS) - 1, int(share * len(LEVELS)))]


def log_share(count: int, maximum: int) -> float:
    """Return the height of a count on a logarithmic scale: 0 for 0, 1 for the maximum, visible for 1."""
    return math.log1p(count) / math.log1p(maximum) if maximum else 0.0


def upright_bars(shares: Sequence[float], width: int, height: int) -> list[str]:
    """Draw shares (0..1) as bars of `width` cells, one of them a gap if there is room, in `height` lines.

    A share above zero is at least an eighth of a cell high.
    """
    eighths = [max(1, round(min(1.0, share) * height * 8)) if share > 0 else 0 for share in shares]
    body = width - 1 if width > 1 else width
    lines = []
    for below in range((height - 1) * 8, -1, -8):
        cells = ((" " + LEVELS)[min(8, max(0, each - below))] * body for each in eighths)
        lines.append("".join(cell.ljust(width) for cell in cells))
    return lines

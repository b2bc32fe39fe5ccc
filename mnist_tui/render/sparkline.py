"""A series -> one line of small bars."""

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
LOST = "×"
"""Where a value was not a finite number."""


def sparkline(
    values: Sequence[float | None], width: int, limits: tuple[float, float] | None = None, fewest: int = 2
) -> str:
    """The whole series in `width` cells, the newest value at the right; always that long.

    Where cells are fewer than values each shows the mean of its part. `limits` are the values of the lowest and the
    highest bar, else those of the series. Fewer than `fewest` values are no curve, and leave it blank.
    """
    if len(values) < fewest or width < 1:
        return " " * max(0, width)
    cells = min(width, len(values))
    parts = [values[len(values) * cell // cells : len(values) * (cell + 1) // cells] for cell in range(cells)]
    means = [_mean(part) for part in parts]
    known = [mean for mean in means if mean is not None]
    low, high = limits or (min(known, default=0.0), max(known, default=0.0))
    return "".join(LOST if mean is None else _bar(mean, low, high) for mean in means).rjust(width)


def _mean(part: Sequence[float | None]) -> float | None:
    """None when a value of the part is lost: a gap is not averaged away."""
    finite = [value for value in part if value is not None and math.isfinite(value)]
    return sum(finite) / len(finite) if len(finite) == len(part) else None


def _bar(value: float, low: float, high: float) -> str:
    if high <= low:
        return BARS[len(BARS) // 2 - 1]
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return BARS[min(len(BARS) - 1, int(share * len(BARS)))]

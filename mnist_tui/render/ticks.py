"""Positions of the ticks of linear and logarithmic axes, and their labels."""

import math
from itertools import product

from mnist_tui.metrics import COMPACT_BELOW, COMPACT_FROM, compact

MOST_DECIMALS = 7
"""Smaller numbers are written with their power of ten."""

COARSER = 4 / 3
"""Factor by which the rows of an axis may be coarser than they could be, for more ticks."""


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` round numbers within a range, spaced by 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / max(1, most)
    if not math.isfinite(rough) or rough < 1e-300:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 5, 10, 20):
        step = factor * power
        first = math.ceil(low / step - 1e-9)
        count = math.floor(high / step + 1e-9) - first + 1
        if count <= most:
            return [(first + place) * step for place in range(count)] or [low]
    return [low]


def row_ticks(
    low: float, high: float, rows: int, most: int, bounds: tuple[float, float] = (-math.inf, math.inf), least: float = 0
) -> tuple[float, float, list[float]]:
    """Choose an axis of text rows whose ticks are round numbers and a whole number of rows apart.

    A tick is in the middle of its row, and each row stands for the same range of values. Spare rows are at the top, or
    at the bottom if the range reaches the upper bound.

    Args:
        low, high: Range of values that has room on the axis.
        rows: At least 2.
        most: Maximum number of ticks, at least 2.
        bounds: The range of all possible values; no tick is beyond.
        least: Minimum distance of two ticks.

    Returns:
        The value at the lower edge of the lowest row, that at the upper edge of the highest row, and the ticks.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low or not 1e-300 < (high - low) / most < math.inf:
        return low, high, [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    choices = []
    for step, apart in product((factor * power for factor in (1, 2, 5, 10, 20, 50, 100)), range(1, rows)):
        unit = step / apart
        bottom, top = math.floor(low / unit + 0.5), math.ceil(high / unit - 0.5)
        if top - bottom >= rows or step < least * (1 - 1e-9):
            continue
        bottom -= rows - 1 - (top - bottom) if high >= bounds[1] else 0
        numbers = range(-(-bottom // apart), (bottom + rows - 1) // apart + 1)
        ticks = [number * step for number in numbers if bounds[0] <= number * step <= bounds[1]]
        if 2 <= len(ticks) <= most:
            choices.append((unit, (bottom - 0.5) * unit, (bottom + rows - 0.5) * unit, ticks))
    if not choices:
        return low, high, [low]
    fine = min(unit for unit, *_ in choices) * COARSER
    _, lower, upper, ticks = max((choice for choice in choices if choice[0] <= fine), key=lambda each: len(each[-1]))
    return lower, upper, ticks


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` values of a positive range: powers of ten, their multiples by 2 and 5, or linear ticks."""
    if not (0 < low < high < math.inf):
        return [low]
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = range(first, last + 1)
    fine = [
        factor * 10.0**power
        for power in range(first - 1, last + 1)
        for factor in (1, 2, 5)
        if low * (1 - 1e-9) <= factor * 10.0**power <= high * (1 + 1e-9)
    ]
    if len(powers) >= most or (len(powers) > 2 and len(fine) > most):
        every = -(-len(powers) // most)
        return [10.0**power for power in powers if power % every == 0] or [10.0**first]
    if min(3, most) <= len(fine) <= most:
        return fine
    if len(powers) > 2:
        return [10.0**power for power in powers]
    return nice_ticks(low, high, most)


def decimals(ticks: list[float]) -> int:
    """Return the number of decimals that distinguishes neighbouring ticks."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(ticks[0]) or 1.0
    return max(0, -math.floor(math.log10(step) + 1e-9)) if 0 < step < math.inf else 0


def tick_label(value: float, places: int) -> str:
    """Format a tick with `places` decimals, a large one as 108k, a tiny one with its power of ten."""
    if COMPACT_FROM <= abs(value) < COMPACT_BELOW:
        return compact(value, digits=10)  # ticks are round numbers
    is_extreme = abs(value) >= COMPACT_BELOW or (value and places > MOST_DECIMALS)
    return f"{value:.3g}" if is_extreme else f"{value:,.{places}f}"

"""Positions of the ticks of linear and logarithmic axes, and their labels."""

import math

from mnist_tui.metrics import COMPACT_BELOW, COMPACT_FROM, compact

MOST_DECIMALS = 7
"""Smaller numbers are written with their power of ten."""


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

"""Where the ticks of an axis stand, linear and logarithmic, and how their numbers read. Pure."""

import math

LONGEST = 1e7
"""From here on, and below its inverse, a number is written with its power of ten."""


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round numbers within a range, evenly apart by 1, 2 or 5 times a power of ten."""
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
    """At most `most` values of a range of positive numbers: powers of ten, then 1-2-5, else nice linear ones."""
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
    """How many decimals tell neighbouring ticks apart."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(ticks[0]) or 1.0
    return max(0, -math.floor(math.log10(step) + 1e-9)) if 0 < step < math.inf else 0


def tick_words(value: float, places: int) -> str:
    """A tick's number with so many decimals; with its power of ten where it would be long."""
    if value and (abs(value) >= LONGEST or places > 7):
        return f"{value:.3g}"
    return f"{value:,.{places}f}"

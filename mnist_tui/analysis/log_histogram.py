"""Histograms of signed numbers by the logarithm of their size, on a scale that does not change with the numbers.

So histograms of different steps can stand side by side, and weights of 0.001 and of 10 are both visible.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS_A_SIDE = 16
"""Bins for each sign; one more, in the middle, is for numbers near 0."""
FULL = 255
"""Byte of a bin that holds all numbers."""


@dataclass(frozen=True)
class LogScale:
    """A range of sizes, as powers of ten. Smaller numbers count as 0, larger ones go to the outermost bins."""

    low: int
    high: int


WEIGHTS, GRADIENTS, ACTIVATIONS = LogScale(-3, 1), LogScale(-7, 1), LogScale(-2, 2)


def log_shares(values: NDArray[np.floating[Any]], scale: LogScale) -> bytes | None:
    """Count numbers in bins by their sign and size.

    Args:
        values: Numbers of any shape; those that are not finite are left out.
        scale: Range of sizes that the bins share evenly by the logarithm.

    Returns:
        One byte a bin, `2 * BINS_A_SIDE + 1` of them from the most negative to the most positive: FULL times the square
        root of the bin's share, rounded up, so that even a single number shows. None if no number is finite.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    size = np.abs(finite).astype(np.float64)
    with np.errstate(divide="ignore"):
        place = (np.log10(size) - scale.low) * (BINS_A_SIDE / (scale.high - scale.low))
    steps = np.clip(np.floor(place) + 1, 0, BINS_A_SIDE).astype(np.int64)
    counts = np.bincount(BINS_A_SIDE + np.where(finite < 0, -steps, steps), minlength=2 * BINS_A_SIDE + 1)
    return bytes(np.ceil(FULL * np.sqrt(counts / finite.size)).astype(np.uint8))


def shares_of(levels: bytes) -> NDArray[np.float64]:
    """Return the share of each bin, 0..1, from the bytes of `log_shares`."""
    return (np.frombuffer(levels, dtype=np.uint8) / FULL) ** 2

"""Histograms over the steps of a run as an image: a column for a range of steps, a row for a bin."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnist_tui.events import Histogram

SMALLEST_WRITTEN, LARGEST_WRITTEN = -3, 3
"""Powers of ten that are written as plain numbers."""


def comparable(samples: Sequence[tuple[int, Histogram]]) -> list[tuple[int, Histogram]]:
    """Return the samples, (step, histogram), that have the same bins as the newest."""
    if not samples:
        return []
    newest = samples[-1][1]
    bins = newest.low, newest.high, len(newest.levels)
    return [(step, each) for step, each in samples if (each.low, each.high, len(each.levels)) == bins]


def history_image(
    samples: Sequence[tuple[int, Histogram]], last_step: int, columns: int, rows: int
) -> NDArray[np.uint8]:
    """Draw samples of the same bins as an image, shape (rows, columns): the most positive values on top.

    Each column has the newest sample up to its last step. Where rows are fewer than bins, the fullest bin of each
    counts. Columns before the first sample are 0.

    Args:
        samples: (step, histogram), at least one, by ascending step.
        last_step: Step at the right edge.
        columns, rows: At least 1 each.
    """
    steps = np.array([step for step, _ in samples])
    levels = np.array([np.frombuffer(each.levels, dtype=np.uint8) for _, each in samples])
    edges = np.arange(1, columns + 1) * (max(1, last_step) / columns)
    found = np.searchsorted(steps, np.floor(edges + 1e-9), side="right") - 1
    shown = np.where((found >= 0)[:, None], levels[np.maximum(found, 0)], 0)[:, ::-1]
    bins = levels.shape[1]
    starts = np.arange(rows) * bins // rows
    if rows < bins:
        return np.maximum.reduceat(shown, starts, axis=1).T.astype(np.uint8)
    return shown[:, starts].T.astype(np.uint8)


def value_ticks(histogram: Histogram, rows: int) -> dict[int, str]:
    """Return the labels of the value axis by their rows: powers of ten of either sign, and 0 in the middle."""
    bins, side = len(histogram.levels), len(histogram.levels) // 2
    exponents = range(histogram.low, histogram.high)
    places = {side: "0"}
    for exponent in exponents:
        offset = 1 + round((exponent - histogram.low) * side / (histogram.high - histogram.low))
        places |= {side - offset: _power(exponent), side + offset: "-" + _power(exponent)}
    ticks: dict[int, str] = {}
    for place in sorted(places, key=lambda each: (each != side, -abs(each - side))):
        row = (2 * place + 1) * rows // (2 * bins)
        if not ticks.keys() & {row - 1, row, row + 1}:
            ticks[row] = places[place]
    return ticks


def _power(exponent: int) -> str:
    return f"{10.0**exponent:g}" if SMALLEST_WRITTEN <= exponent <= LARGEST_WRITTEN else f"1e{exponent}"

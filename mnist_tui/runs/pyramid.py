"""The least, the greatest and the mean of ever longer stretches of a growing series, so that any window of a million
values is decimated from a few hundred entries: drawing costs the same however long a run is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
BLOCK = 16
"""Values in a stretch of the lowest level; each level above has stretches twice as long."""
PART = BLOCK << 11
"""Values reduced at a time."""
LOW, HIGH, TOTAL, FINITE = range(4)


@dataclass(frozen=True, eq=False)
class Buckets:
    """Neighbouring stretches of a series, all of shape (m,). Low, high and mean are NaN where nothing is finite."""

    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    low: Numbers
    high: Numbers
    mean: Numbers
    broken: NDArray[np.int64]
    """How many values are not finite."""

    @property
    def middles(self) -> NDArray[np.int64]:
        """Index of the value in the middle of each."""
        return self.starts + self.sizes // 2


class MinMaxPyramid:
    """Keeps no values itself: `extend` is given the whole series so far and takes in what is new."""

    def __init__(self) -> None:
        self._levels: list[Numbers] = []
        """Per level an array (4, capacity): rows LOW, HIGH, TOTAL, FINITE."""
        self._done: list[int] = []
        """How many stretches of each level are complete."""

    def truncate(self, count: int) -> None:
        """Forget what was built from values after the first `count`."""
        self._done = [min(done, count // (BLOCK << level)) for level, done in enumerate(self._done)]

    def extend(self, values: Numbers) -> None:
        """Take in the new end of the series, shape (n,); costs as much as what is new, spread over the levels."""
        level, count = 0, len(values) // BLOCK
        while count:
            if level == len(self._levels):
                self._levels.append(np.empty((4, max(64, count))))
                self._done.append(0)
            done = self._done[level]
            if done == count:
                return
            if level:
                below = self._levels[level - 1][:, 2 * done : 2 * count]
                new = _merged(below, 2)
            else:
                new = _reduced_in_parts(values[done * BLOCK : count * BLOCK])
            if count > self._levels[level].shape[1]:
                grown = np.empty((4, 2 * count))
                grown[:, :done] = self._levels[level][:, :done]
                self._levels[level] = grown
            self._levels[level][:, done:count] = new
            self._done[level] = count
            level, count = level + 1, count // 2

    def broken(self, values: Numbers) -> int:
        """How many of the series' values are not finite."""
        done = self._done[0] if self._done else 0
        known = int(self._levels[0][FINITE, :done].sum()) if done else 0
        return len(values) - known - int(np.isfinite(values[done * BLOCK :]).sum())

    def buckets(self, values: Numbers, first: int, last: int, most: int) -> Buckets:
        """The values [first, last) of the series in at most about `most` stretches of 1, 2, 4, 8... values each.

        Stretches stand still while the series grows; only the first and the last are cut off by the window.
        """
        last = min(last, len(values))
        first = min(max(0, first), last)
        size = 1
        while last - first > most * size:
            size *= 2
        begin, end = -(-first // size), max(-(-first // size), last // size)
        if size < BLOCK or begin == end:
            whole = _reduced(values[begin * size : end * size], size)
        else:
            whole = self._levels[(size // BLOCK).bit_length() - 1][:, begin:end]
        parts, edges = [whole], [np.minimum(np.arange(begin, end + 1) * size, last)]
        if first < begin * size:
            head = values[first : min(begin * size, last)]
            parts.insert(0, _reduced(head, len(head)))
            edges.insert(0, np.array([first]))
        if end * size < last:
            tail = values[end * size : last]
            parts.append(_reduced(tail, len(tail)))
            edges.append(np.array([last]))
        bounds = np.concatenate(edges)
        rows = np.concatenate(parts, axis=1)
        sizes = np.diff(bounds)
        none = rows[FINITE] == 0
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.clip(rows[TOTAL] / rows[FINITE], rows[LOW], rows[HIGH])
        low, high, mean = (np.where(none, np.nan, row) for row in (rows[LOW], rows[HIGH], mean))
        return Buckets(bounds[:-1], sizes, low, high, mean, sizes - rows[FINITE].astype(np.int64))


def _reduced(values: Numbers, size: int) -> Numbers:
    """Stretches of `size` values -> rows LOW, HIGH, TOTAL, FINITE, shape (4, n / size)."""
    if not len(values):
        return np.empty((4, 0))
    blocks = values.reshape(-1, size)
    finite = np.isfinite(blocks)
    with np.errstate(over="ignore"):
        total = np.where(finite, blocks, 0.0).sum(axis=1)
    low, high = (np.where(finite, blocks, edge) for edge in (np.inf, -np.inf))
    return np.stack([low.min(axis=1), high.max(axis=1), total, finite.sum(axis=1)])


def _reduced_in_parts(values: Numbers) -> Numbers:
    """Stretches of BLOCK values, PART values at a time: what is made on the way stays in the processor's cache."""
    made = np.empty((4, len(values) // BLOCK))
    for begin in range(0, len(values), PART):
        part = values[begin : begin + PART]
        made[:, begin // BLOCK : (begin + len(part)) // BLOCK] = _reduced(part, BLOCK)
    return made


def _merged(rows: Numbers, size: int) -> Numbers:
    """Neighbouring stretches of one level, joined."""
    blocks = rows.reshape(4, -1, size)
    with np.errstate(over="ignore", invalid="ignore"):
        total = blocks[TOTAL].sum(axis=1)
    return np.stack([blocks[LOW].min(axis=1), blocks[HIGH].max(axis=1), total, blocks[FINITE].sum(axis=1)])

"""MinMaxPyramid: minimum, maximum and mean of a growing series in buckets of 16, 32, 64... values.

Any window of a million values is reduced to a few hundred buckets, so drawing costs the same for any length of a run.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
BLOCK = 16
"""Values in a bucket of the lowest level; each level has buckets twice as large as the one below."""
PART = BLOCK << 11
"""Values reduced at once, which fit the processor's cache."""
LOW, HIGH, TOTAL, FINITE = range(4)


@dataclass(frozen=True, eq=False)
class Buckets:
    """Neighbouring buckets of a series, all arrays of shape (m,). NaN where a bucket has no finite value."""

    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    low: Numbers
    high: Numbers
    mean: Numbers
    broken: NDArray[np.int64]
    """Number of values that are not finite."""

    @property
    def middles(self) -> NDArray[np.int64]:
        """Index of the middle value of each bucket."""
        return self.starts + self.sizes // 2


class MinMaxPyramid:
    """Buckets of a growing series, which is passed to every call and not kept."""

    def __init__(self) -> None:
        self._levels: list[Numbers] = []
        """One array (4, capacity) per level, with the rows LOW, HIGH, TOTAL, FINITE."""
        self._done: list[int] = []
        """Number of complete buckets of each level."""

    def truncate(self, count: int) -> None:
        """Remove the buckets of values after the first `count`."""
        self._done = [min(done, count // (BLOCK << level)) for level, done in enumerate(self._done)]

    def extend(self, values: Numbers) -> None:
        """Add the new end of the series, shape (n,). The cost is proportional to the new values."""
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
        """Count the values of the series that are not finite."""
        done = self._done[0] if self._done else 0
        known = int(self._levels[0][FINITE, :done].sum()) if done else 0
        return len(values) - known - int(np.isfinite(values[done * BLOCK :]).sum())

    def buckets(self, values: Numbers, first: int, last: int, most: int) -> Buckets:
        """Return the values [first, last) of the series in about `most` buckets of 1, 2, 4, 8... values at most.

        Bucket edges do not move while the series grows; only the first and the last bucket are cut by the window.
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
    """Reduce blocks of `size` values to rows LOW, HIGH, TOTAL, FINITE, shape (4, n / size)."""
    if not len(values):
        return np.empty((4, 0))
    blocks = values.reshape(-1, size)
    finite = np.isfinite(blocks)
    with np.errstate(over="ignore"):
        total = np.where(finite, blocks, 0.0).sum(axis=1)
    low, high = (np.where(finite, blocks, edge) for edge in (np.inf, -np.inf))
    return np.stack([low.min(axis=1), high.max(axis=1), total, finite.sum(axis=1)])


def _reduced_in_parts(values: Numbers) -> Numbers:
    """Reduce blocks of BLOCK values, PART values at a time."""
    made = np.empty((4, len(values) // BLOCK))
    for begin in range(0, len(values), PART):
        part = values[begin : begin + PART]
        made[:, begin // BLOCK : (begin + len(part)) // BLOCK] = _reduced(part, BLOCK)
    return made


def _merged(rows: Numbers, size: int) -> Numbers:
    """Join `size` neighbouring buckets of one level."""
    blocks = rows.reshape(4, -1, size)
    with np.errstate(over="ignore", invalid="ignore"):
        total = blocks[TOTAL].sum(axis=1)
    return np.stack([blocks[LOW].min(axis=1), blocks[HIGH].max(axis=1), total, blocks[FINITE].sum(axis=1)])

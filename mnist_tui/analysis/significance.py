"""Intervals of an accuracy, and the exact test of the difference between two accuracies on the same images.

- One proportion: Wilson's score interval (E. B. Wilson 1927, J. Am. Stat. Assoc. 22).
- Two on the same images: McNemar's exact test, the binomial test of the images that only one of them gets right.
- Their difference: the adjusted Wald interval of Bonett and Price (2012, J. Educ. Behav. Stat. 37), recommended by
  Fagerland, Lydersen and Laake (2014, Stat. Med. 33).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.predicted import Bools

Z = 1.959963984540054
"""Quantile of the normal distribution for intervals of 95 %."""
LEVEL = 0.05
"""Differences with a lower p are called unlikely to be chance."""
LOWEST_P = 0.001
"""Lower values of p are not written out."""
NO_INTERVAL = "–"
Interval = tuple[float, float]
"""Lower and upper end."""


@dataclass(frozen=True)
class Paired:
    """Two sets of predictions for the same images."""

    won: int
    """Images that only the second one gets right."""
    lost: int
    """Images that only the first one gets right."""
    total: int
    """All images that both predict."""

    @property
    def difference(self) -> float | None:
        """Accuracy of the second minus that of the first, -1..1; None without images."""
        return (self.won - self.lost) / self.total if self.total else None

    @property
    def is_change(self) -> bool:
        """True if any image was won or lost."""
        return self.won + self.lost > 0

    @property
    def p(self) -> float:
        """Two-sided p-value of McNemar's exact test, 0..1."""
        count, tail = self.won + self.lost, min(self.won, self.lost)
        if self.won == self.lost:
            return 1.0
        # in logarithms, since 0.5**count underflows
        ways = [
            math.lgamma(count + 1) - math.lgamma(each + 1) - math.lgamma(count - each + 1) for each in range(tail + 1)
        ]
        return min(1.0, 2 * math.fsum(math.exp(each - count * math.log(2)) for each in ways))

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the difference, by Bonett and Price; None without images."""
        if not self.total:
            return None
        size = self.total + 2
        won, lost = (self.won + 1) / size, (self.lost + 1) / size
        spread = Z * math.sqrt((won + lost - (won - lost) ** 2) / size)
        return max(-1.0, won - lost - spread), min(1.0, won - lost + spread)

    @property
    def verdict(self) -> str:
        """The test in words: "12 won, 9 lost: could be chance, p = 0.66"."""
        if not self.is_change:
            return "none won, none lost: no difference"
        return f"{self.won:,} won, {self.lost:,} lost: {chance_words(self.p)}"

    @property
    def words(self) -> str:
        """The result of the test, and the difference with its interval in percentage points."""
        if self.interval is None or self.difference is None:
            return "no images in common"
        lower, upper = (f"{end * 100:+.2f}".replace("-", "−") for end in self.interval)
        points = f"{self.difference * 100:+.2f}".replace("-", "−")
        return f"{self.verdict}; {points} points, 95 % interval {lower} to {upper}"

    def as_json(self) -> dict[str, Any]:
        """Return the object that JSON documents hold."""
        return {
            "images": self.total,
            "won": self.won,
            "lost": self.lost,
            "p": self.p,
            "difference": self.difference,
            "interval": self.interval,
            "words": self.words,
        }


def paired(first: Bools, second: Bools) -> Paired:
    """Count the images that only one of two sets of predictions gets right.

    Args:
        first: Shape (n,), True where the first is correct.
        second: Shape (n,), the same images in the same order.
    """
    return Paired(int((second & ~first).sum()), int((first & ~second).sum()), len(first))


def common(first: NDArray[np.integer[Any]], second: NDArray[np.integer[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the rows, shape (m,) each, of the indices that are in both arrays, sorted by index."""
    _, rows, others = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    return rows, others


def wilson(right: int, total: int) -> Interval | None:
    """Return the 95 % interval of a proportion, 0..1; None of nothing."""
    if not total:
        return None
    share, extra = right / total, Z * Z / total
    middle = (share + extra / 2) / (1 + extra)
    spread = math.sqrt(share * (1 - share) * extra + extra * extra / 4) / (1 + extra)
    return max(0.0, middle - spread), min(1.0, middle + spread)


def accuracy_interval(accuracy: float | None, total: int) -> Interval | None:
    """Return the 95 % interval of an accuracy on `total` images, 0..1; None if it is unknown or no share."""
    if accuracy is None or not 0 <= accuracy <= 1:
        return None
    return wilson(round(accuracy * total), total)


def interval_words(accuracy: float | None, total: int) -> str:
    """Return the 95 % interval of an accuracy in words, such as "98.80 to 99.20 %"; a dash if there is none."""
    found = accuracy_interval(accuracy, total)
    return NO_INTERVAL if found is None else f"{found[0] * 100:.2f} to {found[1] * 100:.2f} %"


def chance_words(p: float) -> str:
    """Return what a p-value means, and the value: "could be chance, p = 0.66"."""
    return f"{'could be' if p >= LEVEL else 'unlikely to be'} chance, {p_words(p)}"


def p_words(p: float) -> str:
    """Return a p-value as "p = 0.66", "p = 0.003" or "p < 0.001"."""
    if p < LOWEST_P:
        return f"p < {LOWEST_P}"
    return f"p = {p:.3f}" if p < 2 * LEVEL else f"p = {p:.2f}"

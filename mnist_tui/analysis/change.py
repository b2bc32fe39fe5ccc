"""What changed from one confusion matrix to another: to an earlier epoch, or to another run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.confusion import Matrix, named, row_shares
from mnist_tui.analysis.errors import AnalysisError

BETTER, SAME, WORSE = -1, 0, 1
WORDS = {BETTER: "better", SAME: "same", WORSE: "worse"}


@dataclass(frozen=True)
class CellChange:
    """One cell then and now."""

    true: int
    predicted: int
    before: int
    now: int
    share: float
    """Change of the cell's share of its row, -1..1."""
    direction: int
    """BETTER, SAME or WORSE."""

    def in_words(self, names: Sequence[str] = ()) -> str:
        """As in "4 read as 9: 11, was 19 (−8, better)"."""
        true, predicted = named(self.true, names), named(self.predicted, names)
        read = f"{true} read right" if self.true == self.predicted else f"{true} read as {predicted}"
        sign = "−" if self.now < self.before else "+" if self.now > self.before else "±"
        more = f"{sign}{abs(self.now - self.before):,}"
        return f"{read}: {self.now:,}, was {self.before:,} ({more}, {WORDS[self.direction]})"


@dataclass(frozen=True, eq=False)
class MatrixChange:
    """Now minus then, cell by cell; all of shape (classes, classes)."""

    before: NDArray[np.int64]
    now: NDArray[np.int64]
    shares: NDArray[np.float64]
    """Change of each cell's share of its row, -1..1; NaN where the class had no digits then or now."""
    directions: NDArray[np.int8]
    """WORSE where the share of mistakes grew, BETTER where it fell, on the diagonal the reverse; SAME where neither
    or where there is no share. By share, so that runs with different numbers of digits can be compared."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Digits more (or, below zero, fewer) than then."""
        return self.now - self.before

    def cell(self, true: int, predicted: int) -> CellChange:
        """One cell of it."""
        return CellChange(
            true,
            predicted,
            before=int(self.before[true, predicted]),
            now=int(self.now[true, predicted]),
            share=float(self.shares[true, predicted]),
            direction=int(self.directions[true, predicted]),
        )

    def largest(self, n: int) -> list[CellChange]:
        """The `n` mistakes whose share changed most, equal ones in the matrix's order; only such as did change."""
        sizes = np.where(self.directions == SAME, 0.0, np.abs(self.shares))
        np.fill_diagonal(sizes, 0.0)
        flat = sizes.ravel()
        cells = [divmod(int(place), len(sizes)) for place in np.argsort(-flat, kind="stable")[:n] if flat[place] > 0]
        return [self.cell(true, predicted) for true, predicted in cells]


def change(now: Matrix, before: Matrix) -> MatrixChange:
    """Compare two matrices of the same classes; raises AnalysisError when they are not."""
    counts, earlier = np.array(now, dtype=np.int64), np.array(before, dtype=np.int64)
    if counts.shape != earlier.shape:
        raise AnalysisError(
            f"A matrix of {len(counts)} classes cannot be compared with one of {len(earlier)}; "
            "choose a run on the same data set."
        )
    shares = row_shares(counts) - row_shares(earlier)
    directions = np.sign(np.nan_to_num(shares)).astype(np.int8)
    np.fill_diagonal(directions, -directions.diagonal())
    return MatrixChange(earlier, counts, shares, directions)

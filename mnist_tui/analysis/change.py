"""The change from one confusion matrix to another: of an earlier epoch, or of another run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.confusion import Matrix, row_shares
from mnist_tui.analysis.errors import AnalysisError

BETTER, SAME, WORSE = -1, 0, 1
WORDS = {BETTER: "better", SAME: "same", WORSE: "worse"}


@dataclass(frozen=True)
class CellChange:
    """The change of one cell."""

    true: int
    predicted: int
    before: int
    now: int
    direction: int
    """BETTER, SAME or WORSE."""
    before_share: float
    share: float
    """Shares of the row, 0..1; NaN without examples of the class."""


@dataclass(frozen=True, eq=False)
class MatrixChange:
    """The change of every cell; all arrays have the shape (classes, classes)."""

    before: NDArray[np.int64]
    now: NDArray[np.int64]
    shares: NDArray[np.float64]
    """Change of each cell's share of its row, -1..1; NaN if either matrix has no examples of the class."""
    directions: NDArray[np.int8]
    """WORSE where the share of errors grew (on the diagonal: fell), BETTER where it fell, SAME elsewhere.

    Shares make runs with different numbers of examples comparable.
    """

    @property
    def counts(self) -> NDArray[np.int64]:
        """Change of each count."""
        return self.now - self.before

    def cell(self, true: int, predicted: int) -> CellChange:
        """Return the change of one cell."""
        return CellChange(
            true,
            predicted,
            before=int(self.before[true, predicted]),
            now=int(self.now[true, predicted]),
            direction=int(self.directions[true, predicted]),
            before_share=float(row_shares(self.before[[true]])[0, predicted]),
            share=float(row_shares(self.now[[true]])[0, predicted]),
        )

    def largest(self, n: int) -> list[CellChange]:
        """Return the `n` off-diagonal cells whose shares changed most; ties are in the matrix's order."""
        sizes = np.where(self.directions == SAME, 0.0, np.abs(self.shares))
        np.fill_diagonal(sizes, 0.0)
        flat = sizes.ravel()
        cells = [divmod(int(cell), len(sizes)) for cell in np.argsort(-flat, kind="stable")[:n] if flat[cell] > 0]
        return [self.cell(true, predicted) for true, predicted in cells]


def change(now: Matrix, before: Matrix) -> MatrixChange:
    """Compare two confusion matrices; raises AnalysisError if they have different classes."""
    counts, earlier = np.array(now, dtype=np.int64), np.array(before, dtype=np.int64)
    if counts.shape != earlier.shape:
        raise AnalysisError(
            f"a matrix of {len(counts)} classes cannot be compared with one of {len(earlier)}: "
            "choose a run on the same data set"
        )
    shares = row_shares(counts) - row_shares(earlier)
    directions = np.sign(np.nan_to_num(shares)).astype(np.int8)
    np.fill_diagonal(directions, -directions.diagonal())
    return MatrixChange(earlier, counts, shares, directions)

"""A confusion matrix in figures: shares, accuracy, precision, recall and F1 of each class, and the worst confusions.

Shares that would divide by zero are NaN in arrays and None in reports: where scikit-learn gives zero_division=nan.
The marginals of a matrix are the support (its row) and the reads (its column) of each class in a report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = Sequence[Sequence[int]] | NDArray[np.integer]
"""Shape (classes, classes): [t][p] counts digits of class t that were read as p."""


@dataclass(frozen=True)
class Confusion:
    """One cell off the diagonal: `count` of the `support` digits of class `true` were read as `predicted`."""

    true: int
    predicted: int
    count: int
    support: int

    @property
    def share(self) -> float:
        """Count as a fraction of the class, 0..1."""
        return self.count / self.support if self.support else 0.0

    def in_words(self, names: Sequence[str] = ()) -> str:
        """As in "4 read as 9: 11 of 492", with names of classes where there are any."""
        return f"{named(self.true, names)} read as {named(self.predicted, names)}: {self.count:,} of {self.support:,}"


@dataclass(frozen=True)
class ClassScore:
    """How one class fared. Fractions are 0..1, and None where the denominator is zero."""

    support: int
    """Digits that are of the class."""
    read: int
    """Digits that were read as the class."""
    correct: int
    precision: float | None
    """Of those read as the class, how many are."""
    recall: float | None
    """Of those that are of the class, how many were read as it."""
    f1: float | None
    """Harmonic mean of the two: 2 correct / (support + read)."""


@dataclass(frozen=True)
class Report:
    """What a matrix says as a whole and of each class."""

    total: int
    correct: int
    accuracy: float | None
    """0..1; None for a matrix without digits."""
    classes: tuple[ClassScore, ...]

    @property
    def mistakes(self) -> int:
        """Digits off the diagonal."""
        return self.total - self.correct

    def mean(self, score: str) -> float | None:
        """Mean of "precision", "recall" or "f1" over the classes that have one (macro average); None when none has."""
        values = [value for value in (getattr(each, score) for each in self.classes) if value is not None]
        return sum(values) / len(values) if values else None

    def weighted_mean(self, score: str) -> float | None:
        """Mean over the same classes, each with the weight of its support (all alike where none of them has any)."""
        scored = [(value, each.support) for each in self.classes if (value := getattr(each, score)) is not None]
        weight = sum(support for _, support in scored)
        return sum(value * support for value, support in scored) / weight if weight else self.mean(score)


def confusion_matrix(labels: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Count [true][predicted] of labels and answers, shape (n,) each, both below `classes`."""
    cells = labels.astype(np.int64) * classes + predicted
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def row_shares(matrix: Matrix) -> NDArray[np.float64]:
    """Each cell as a share of its true class, 0..1; NaN in the row of a class without digits."""
    counts = np.asarray(matrix, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return shares


def column_shares(matrix: Matrix) -> NDArray[np.float64]:
    """Each cell as a share of its predicted class, 0..1; NaN in the column of a class that was never read."""
    counts = np.asarray(matrix, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float64] = counts / counts.sum(axis=0, keepdims=True)
    return shares


def report(matrix: Matrix) -> Report:
    """Count and divide; `matrix` is square."""
    counts = np.asarray(matrix, dtype=np.int64)
    supports, reads, corrects = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    classes = tuple(
        ClassScore(
            support=int(support),
            read=int(read),
            correct=int(correct),
            precision=_ratio(correct, read),
            recall=_ratio(correct, support),
            f1=_ratio(2 * correct, support + read),
        )
        for support, read, correct in zip(supports, reads, corrects, strict=True)
    )
    total, correct = int(counts.sum()), int(corrects.sum())
    return Report(total, correct, _ratio(correct, total), classes)


def top_confusions(matrix: Matrix, n: int) -> list[Confusion]:
    """The `n` largest cells off the diagonal, the largest first, equal ones in the matrix's order; never a zero."""
    counts = np.array(matrix, dtype=np.int64)
    supports = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    flat = counts.ravel()
    order = np.argsort(-flat, kind="stable")[:n]
    return [
        Confusion(int(true), int(predicted), int(flat[cell]), int(supports[true]))
        for cell in order
        if flat[cell] > 0
        for true, predicted in [divmod(int(cell), counts.shape[1])]
    ]


def named(number: int, names: Sequence[str]) -> str:
    """The name of a class, or its number where it has none."""
    return names[number] if 0 <= number < len(names) else str(number)


def _ratio(part: int | np.integer, whole: int | np.integer) -> float | None:
    return float(part) / float(whole) if whole else None

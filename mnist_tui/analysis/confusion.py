"""A confusion matrix in figures: accuracy, precision, recall and F1 of each class, and the worst confusions."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def _ratio(part: int | np.integer, whole: int | np.integer) -> float | None:
    return float(part) / float(whole) if whole else None

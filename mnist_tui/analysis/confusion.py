"""Confusion matrices and their figures: accuracy, precision, recall and F1 of each class, and the worst confusions.

A score that would divide by zero is NaN in arrays and None in reports, as scikit-learn does with zero_division=nan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = Sequence[Sequence[int]] | NDArray[np.integer]
"""Shape (classes, classes): [t][p] counts the examples of class t that were predicted as p."""


@dataclass(frozen=True)
class Confusion:
    """One off-diagonal cell: `count` of the `support` examples of class `true` were predicted as `predicted`."""

    true: int
    predicted: int
    count: int
    support: int

    @property
    def share(self) -> float:
        """Share of the true class, 0..1."""
        return self.count / self.support if self.support else 0.0

    def in_words(self, names: Sequence[str] = ()) -> str:
        """Return a sentence such as "4 predicted as 9: 11 of 492"."""
        true, predicted = class_name(self.true, names), class_name(self.predicted, names)
        return f"{true} predicted as {predicted}: {self.count:,} of {self.support:,}"


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class, 0..1; None if the denominator is zero."""

    support: int
    """Examples of the class."""
    predicted: int
    """Examples that were predicted as the class."""
    correct: int
    precision: float | None
    """Share of `predicted` that is correct."""
    recall: float | None
    """Share of `support` that is correct."""
    f1: float | None
    """Harmonic mean of precision and recall: 2 correct / (support + predicted)."""


@dataclass(frozen=True)
class Report:
    """The scores of a whole confusion matrix and of its classes."""

    total: int
    correct: int
    accuracy: float | None
    """0..1; None for an empty matrix."""
    classes: tuple[ClassScore, ...]

    @property
    def mistakes(self) -> int:
        """Number of misclassified examples."""
        return self.total - self.correct

    def mean(self, score: str) -> float | None:
        """Return the macro average of "precision", "recall" or "f1" over the classes that have it; None if none has."""
        values = [value for value in (getattr(each, score) for each in self.classes) if value is not None]
        return sum(values) / len(values) if values else None

    def per_class(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return name, precision, recall, F1 and support of each class, ready for JSON."""
        return [
            {
                "class": name,
                "precision": score.precision,
                "recall": score.recall,
                "f1": score.f1,
                "support": score.support,
            }
            for name, score in zip(names, self.classes, strict=True)
        ]


def confusion_matrix(labels: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Count [true][predicted] of labels and predicted classes, shape (n,) each."""
    cells = labels.astype(np.int64) * classes + predicted
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def row_shares(matrix: Matrix) -> NDArray[np.float64]:
    """Return each cell as a share of its true class, 0..1; NaN in the row of a class without examples."""
    counts = np.asarray(matrix, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return shares


def report(matrix: Matrix) -> Report:
    """Compute the scores of a confusion matrix."""
    counts = _square(matrix)
    supports, predicted, corrects = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    classes = tuple(
        ClassScore(
            support=int(support),
            predicted=int(column),
            correct=int(correct),
            precision=_ratio(correct, column),
            recall=_ratio(correct, support),
            f1=_ratio(2 * correct, support + column),
        )
        for support, column, correct in zip(supports, predicted, corrects, strict=True)
    )
    total, correct = int(counts.sum()), int(corrects.sum())
    return Report(total, correct, _ratio(correct, total), classes)


def top_confusions(matrix: Matrix, n: int) -> list[Confusion]:
    """Return the `n` largest off-diagonal cells above zero; ties are in the matrix's order."""
    counts = _square(matrix).copy()
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


def similar_order(matrix: Matrix) -> tuple[int, ...]:
    """Return the classes in an order in which those that are confused with each other are neighbours.

    The similarity of two classes is the share of their examples that are confused (average linkage, optimal leaves).
    """
    from scipy.cluster.hierarchy import leaves_list, linkage  # late: they take longer than all of this module
    from scipy.spatial.distance import squareform

    counts = np.array(matrix, dtype=np.float64)
    if len(counts) < 3:
        return tuple(range(len(counts)))
    supports = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    shares = (counts + counts.T) / np.maximum(supports[:, None] + supports, 1)
    distances = 1 - shares
    np.fill_diagonal(distances, 0)
    return tuple(leaves_list(linkage(squareform(distances), "average", optimal_ordering=True)).tolist())


def _square(matrix: Matrix) -> NDArray[np.int64]:
    """Return the matrix as an array; an empty one, of an imported run, has shape (0, 0)."""
    return np.asarray(matrix, dtype=np.int64).reshape(len(matrix), len(matrix))


def class_name(number: int, names: Sequence[str]) -> str:
    """Return the name of a class, or its number if it has none."""
    return names[number] if 0 <= number < len(names) else str(number)


def _ratio(part: int | np.integer, whole: int | np.integer) -> float | None:
    return float(part) / float(whole) if whole else None

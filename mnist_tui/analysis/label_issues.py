"""Which labels are probably wrong: confident learning, after Northcutt, Jiang and Chuang (JAIR 70, 2021).

Every digit that the network reads otherwise than it is labelled disputes its label. Disputes are ranked by the
normalised margin p_label - max over the other classes of p, the lowest first: most surely wrong.

Confident learning says which of them to believe. Each class j gets a threshold t_j, the mean probability of j over the
digits labelled j. A digit labelled i is confidently a j ≠ i when p_j >= t_j and j has the highest probability of all
classes that reach their thresholds: the cells off the diagonal of the paper's confident joint (less those where the
network still answers i, which cleanlab leaves out too). A network trained with label smoothing is seldom as sure of a
wrong answer as it is of the others on average, so there may be no such digit at all, and the ranking is what helps.

Both are a few lines of NumPy; the library cleanlab would bring scikit-learn, SciPy, pandas and tqdm for them.

The probabilities must be out of sample: of digits that the network was not trained on. For validation and test digits
they are; for training digits the caller must have cross-validated them, or memorised labels will look right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.predicted import Bools, Labels, Probabilities, check, predicted_classes

SLACK = 1e-6
"""Far below a step of float16 near any threshold that matters: a mean of equal numbers may round to just above them."""


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """Digits whose labels are in dispute, the most surely wrong first; arrays of shape (disputes,)."""

    rows: NDArray[np.intp]
    """Which rows of the predictions."""
    suspected: NDArray[np.uint8]
    """What they seem to be: j where `confident`, else the network's answer."""
    margins: NDArray[np.float64]
    """p(label) minus the highest other probability, -1..0."""
    confident: Bools
    """Does confident learning count it?"""
    thresholds: NDArray[np.float64]
    """t_j, shape (classes,)."""

    def mask(self, n: int) -> Bools:
        """Shape (n,), beside the predictions: the disputes that confident learning counts."""
        counted = np.zeros(n, dtype=bool)
        counted[self.rows[self.confident]] = True
        return counted


def class_thresholds(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """t_j, shape (classes,): NaN for a class that no digit is labelled as. Rows with NaN are left out."""
    check(labels, probabilities)
    true_probability = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    known = ~np.isnan(true_probability)
    classes = probabilities.shape[1]
    sums = np.bincount(labels[known], weights=true_probability[known], minlength=classes)
    with np.errstate(invalid="ignore"):
        thresholds: NDArray[np.float64] = sums / np.bincount(labels[known], minlength=classes)
    return thresholds


def label_issues(labels: Labels, probabilities: Probabilities) -> LabelIssues:
    """Find and rank the disputed labels of digits with out-of-sample probabilities (n, classes); ties by row."""
    thresholds = class_thresholds(labels, probabilities)
    read = predicted_classes(labels, probabilities)
    rows = np.flatnonzero(~read.correct & ~np.isnan(read.confidence))
    margins = (read.true_probability[rows] - read.confidence[rows]).astype(np.float64)
    order = np.argsort(margins, kind="stable")
    rows, margins = rows[order], margins[order]
    p = probabilities[rows].astype(np.float64)
    reaching = np.where((p >= thresholds - SLACK) & (p > SLACK), p, 0.0)
    confident = (reaching.max(axis=1, initial=0.0) > 0) & (reaching.argmax(axis=1) != labels[rows])
    suspected = np.where(confident, reaching.argmax(axis=1), read.predicted[rows]).astype(np.uint8)
    return LabelIssues(rows, suspected, margins, confident, thresholds)

"""Labels that are probably wrong: confident learning, after Northcutt, Jiang and Chuang (JAIR 70, 2021).

Every misclassified example is a label issue. Issues are ranked by their normalised margin: the probability of the label
minus the highest probability of another class, lowest first.

Confident learning selects among them. The threshold t_j of class j is the mean probability of j over the examples
labelled j. An example labelled i is confidently a j ≠ i if p_j >= t_j and j is the most probable class that reaches its
threshold. These are the off-diagonal cells of the paper's confident joint, without those where the model predicts i
(cleanlab leaves them out, too). After training with label smoothing there may be none, and only the ranking helps.

Both are a few lines of NumPy; cleanlab would add scikit-learn, SciPy, pandas and tqdm.

Probabilities must be out of sample: of examples that the model was not trained on. Those of training examples must be
cross-validated, or memorised labels look right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.predicted import Bools, Labels, Probabilities, check, predicted_classes

SLACK = 1e-6
"""A mean of equal numbers may round to just above them; a step of float16 is much larger than this."""


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """Label issues, most likely wrong first; arrays of shape (issues,)."""

    rows: NDArray[np.intp]
    """Rows of the predictions."""
    suspected: NDArray[np.uint8]
    """Suspected classes: j where `confident`, else the predicted class."""
    margins: NDArray[np.float64]
    """p(label) minus the highest other probability, -1..0."""
    confident: Bools
    """True for the issues that confident learning selects."""
    thresholds: NDArray[np.float64]
    """t_j, shape (classes,)."""

    def mask(self, n: int) -> Bools:
        """Return the issues that confident learning selects, as shape (n,) beside the predictions."""
        counted = np.zeros(n, dtype=bool)
        counted[self.rows[self.confident]] = True
        return counted


def class_thresholds(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Return t_j, shape (classes,): NaN for a class without examples. Rows with NaN are left out."""
    check(labels, probabilities)
    true_probability = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    known = ~np.isnan(true_probability)
    classes = probabilities.shape[1]
    sums = np.bincount(labels[known], weights=true_probability[known], minlength=classes)
    with np.errstate(invalid="ignore"):
        thresholds: NDArray[np.float64] = sums / np.bincount(labels[known], minlength=classes)
    return thresholds


def label_issues(labels: Labels, probabilities: Probabilities) -> LabelIssues:
    """Find and rank label issues, given out-of-sample probabilities (n, classes); ties by row."""
    thresholds = class_thresholds(labels, probabilities)
    predictions = predicted_classes(labels, probabilities)
    rows = np.flatnonzero(~predictions.correct & ~np.isnan(predictions.confidence))
    margins = (predictions.true_probability[rows] - predictions.confidence[rows]).astype(np.float64)
    order = np.argsort(margins, kind="stable")
    rows, margins = rows[order], margins[order]
    p = probabilities[rows].astype(np.float64)
    reaching = np.where((p >= thresholds - SLACK) & (p > SLACK), p, 0.0)
    confident = (reaching.max(axis=1, initial=0.0) > 0) & (reaching.argmax(axis=1) != labels[rows])
    suspected = np.where(confident, reaching.argmax(axis=1), predictions.predicted[rows]).astype(np.uint8)
    return LabelIssues(rows, suspected, margins, confident, thresholds)

"""Calibration: how well confidence matches accuracy, and what abstaining below a confidence threshold changes.

All functions take `confidence` (n,), the probability of each predicted class, and `correct` (n,), whether it is the
true class: columns of analysis.table.ExampleTable. A NaN confidence is in no bin and below every threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import Bools, Floats

BINS = 15
"""Number of bins in Guo et al. (2017)."""
STEPS = 101


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram: M bins of equal width, bin m holds the confidences in ((m-1)/M, m/M].

    Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning (AAAI 2015). The form is that of
    Guo et al., On Calibration of Modern Neural Networks (ICML 2017), equations 2 to 5.
    """

    edges: NDArray[np.float64]
    """Shape (bins + 1,)."""
    correct: NDArray[np.int64]
    """Correct predictions in each bin, shape (bins,)."""
    wrong: NDArray[np.int64]
    """Wrong predictions in each bin, shape (bins,)."""
    confidence: NDArray[np.float64]
    """Mean confidence in each bin; NaN in an empty bin."""
    left_out: int
    """Predictions without a confidence (NaN)."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Predictions in each bin."""
        return self.correct + self.wrong

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Accuracy in each bin; NaN in an empty bin."""
        with np.errstate(invalid="ignore"):
            return self.correct / self.counts

    @property
    def gaps(self) -> NDArray[np.float64]:
        """Accuracy minus mean confidence of each bin; negative where the model is overconfident."""
        return self.accuracy - self.confidence

    @property
    def expected_error(self) -> float:
        """Expected calibration error (ECE): the sum over the bins of count / n × |gap|; NaN without predictions."""
        filled = self.counts > 0
        total = self.counts.sum()
        return float((self.counts[filled] * np.abs(self.gaps[filled])).sum() / total) if total else float("nan")

    @property
    def maximum_error(self) -> float:
        """Maximum calibration error (MCE): the largest |gap| of a bin; NaN without predictions."""
        return float(np.nanmax(np.abs(self.gaps))) if self.counts.any() else float("nan")


@dataclass(frozen=True, eq=False)
class Coverage:
    """Coverage and accuracy when predictions below a threshold are withheld; one value per threshold."""

    thresholds: NDArray[np.float64]
    answered: NDArray[np.float64]
    """Coverage: share of all examples with a confidence of at least the threshold; NaN without examples."""
    accuracy: NDArray[np.float64]
    """Accuracy on these examples; NaN if there are none."""


@dataclass(frozen=True)
class Abstention:
    """The effect of abstaining below `threshold`."""

    threshold: float
    answered: int
    correct: int
    total: int

    @property
    def share(self) -> float:
        """Coverage, 0..1."""
        return self.answered / self.total

    @property
    def accuracy(self) -> float:
        """Accuracy on the answered examples, 0..1."""
        return self.correct / self.answered


def reliability(confidence: Floats, correct: Bools, bins: int = BINS) -> Reliability:
    """Sort predictions into bins by confidence; raises AnalysisError for fewer than one bin."""
    if bins < 1:
        raise AnalysisError(f"{bins} bins: choose at least 1")
    known = ~np.isnan(confidence)
    confidences, hits = confidence[known].astype(np.float64), correct[known]
    edges = np.linspace(0, 1, bins + 1)
    bin_of = np.clip(np.digitize(confidences, edges, right=True) - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    correct_counts = np.bincount(bin_of[hits], minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(bin_of, weights=confidences, minlength=bins) / counts
    return Reliability(edges, correct_counts, counts - correct_counts, mean, int(len(confidence) - known.sum()))


def coverage(
    confidence: Floats, correct: Bools, thresholds: Sequence[float] | NDArray[np.float64] | None = None
) -> Coverage:
    """Return coverage and accuracy at each threshold, by default at 0.00, 0.01 ... 1.00."""
    levels = np.linspace(0, 1, STEPS) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    descending, hits = _by_confidence(confidence, correct)
    answered = len(descending) - np.searchsorted(descending[::-1], levels, side="left")
    with np.errstate(invalid="ignore"):
        share = answered / np.float64(len(confidence))
        accuracy = np.concatenate([[0], hits])[answered] / answered
    return Coverage(levels, share, accuracy)


def threshold_for(confidence: Floats, correct: Bools, accuracy: float) -> Abstention | None:
    """Return the lowest threshold whose answered examples reach `accuracy` (0..1), or None if no threshold does.

    The threshold is chosen and measured on the same examples, so it is optimistic.
    """
    if not 0 <= accuracy <= 1:
        raise AnalysisError(f"accuracy {accuracy:g} is out of range: choose one from 0 to 1, such as 0.999")
    descending, hits = _by_confidence(confidence, correct)
    answered = np.arange(1, len(descending) + 1)
    last_of_ties = np.append(descending[:-1] != descending[1:], True)[: len(descending)]
    reaching = np.flatnonzero(last_of_ties & (hits / answered >= accuracy))
    if not reaching.size:
        return None
    last = int(reaching[-1])
    return Abstention(float(descending[last]), last + 1, int(hits[last]), len(confidence))


def _by_confidence(confidence: Floats, correct: Bools) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the confidences in descending order without NaN, and the cumulative count of correct predictions."""
    known = np.flatnonzero(~np.isnan(confidence))
    order = known[np.argsort(-confidence[known], kind="stable")]
    return confidence[order].astype(np.float64), np.cumsum(correct[order], dtype=np.int64)

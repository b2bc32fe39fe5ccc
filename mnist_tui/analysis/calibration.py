"""Does the network know when it does not know? Confidence against accuracy, and what refusing to answer would cost.

All take `confidence` (n,), the probability of each answer, and `right` (n,), whether it was right: columns of
analysis.table.Table. Answers whose confidence is NaN (a diverged epoch) are in no bin and never pass a threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import Bools, Floats

BINS = 15
"""As in Guo et al. (2017)."""
STEPS = 101


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram: M bins of equal width, the m-th holding the confidences in ((m-1)/M, m/M].

    Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning (AAAI 2015); in this form Guo et al.,
    On Calibration of Modern Neural Networks (ICML 2017), equations 2 to 5.
    """

    edges: NDArray[np.float64]
    """Shape (bins + 1,)."""
    right: NDArray[np.int64]
    """Right answers in each bin, shape (bins,): with `wrong` the histograms of the confidences."""
    wrong: NDArray[np.int64]
    """Wrong answers in each bin."""
    confidence: NDArray[np.float64]
    """Mean confidence in each bin, NaN in an empty one."""
    left_out: int
    """Answers without a confidence (NaN)."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Answers in each bin."""
        return self.right + self.wrong

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Share of right answers in each bin, NaN in an empty one."""
        with np.errstate(invalid="ignore"):
            return self.right / self.counts

    @property
    def gaps(self) -> NDArray[np.float64]:
        """Accuracy minus mean confidence of each bin: below zero where the network is too sure of itself."""
        return self.accuracy - self.confidence

    @property
    def expected_error(self) -> float:
        """Expected calibration error: the sum over the bins of count / n × |gap|; NaN without answers."""
        filled = self.counts > 0
        total = self.counts.sum()
        return float((self.counts[filled] * np.abs(self.gaps[filled])).sum() / total) if total else float("nan")

    @property
    def maximum_error(self) -> float:
        """Maximum calibration error: the largest |gap| of a bin; NaN without answers."""
        return float(np.nanmax(np.abs(self.gaps))) if self.counts.any() else float("nan")


@dataclass(frozen=True, eq=False)
class Coverage:
    """What is left when answers below a confidence are refused; arrays of one length, a value a threshold."""

    thresholds: NDArray[np.float64]
    answered: NDArray[np.float64]
    """Share of all digits whose answer is at least so confident; NaN without digits."""
    accuracy: NDArray[np.float64]
    """Share of right ones among the answered; NaN where none is."""


@dataclass(frozen=True)
class Abstention:
    """Refuse to answer below `threshold`: what then is answered, and how well."""

    threshold: float
    answered: int
    right: int
    total: int

    @property
    def share(self) -> float:
        """Answered of all digits, 0..1."""
        return self.answered / self.total

    @property
    def accuracy(self) -> float:
        """Right of the answered, 0..1."""
        return self.right / self.answered


def reliability(confidence: Floats, right: Bools, bins: int = BINS) -> Reliability:
    """Sort the answers into bins by their confidence; raises AnalysisError for fewer than one bin."""
    if bins < 1:
        raise AnalysisError(f"{bins} bins cannot hold anything; ask for 1 or more.")
    known = ~np.isnan(confidence)
    sure, good = confidence[known].astype(np.float64), right[known]
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(sure, edges, right=True) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    rights = np.bincount(place[good], minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, weights=sure, minlength=bins) / counts
    return Reliability(edges, rights, counts - rights, mean, int(len(confidence) - known.sum()))


def coverage(
    confidence: Floats, right: Bools, thresholds: Sequence[float] | NDArray[np.float64] | None = None
) -> Coverage:
    """Coverage and accuracy at each threshold (by default 0.00, 0.01 ... 1.00): answered is confidence >= threshold."""
    asked = np.linspace(0, 1, STEPS) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    sure, rights = _from_the_surest(confidence, right)
    answered = len(sure) - np.searchsorted(sure[::-1], asked, side="left")
    with np.errstate(invalid="ignore"):
        share = answered / np.float64(len(confidence))
        accuracy = np.concatenate([[0], rights])[answered] / answered
    return Coverage(asked, share, accuracy)


def threshold_for(confidence: Floats, right: Bools, accuracy: float) -> Abstention | None:
    """The lowest threshold at which the answered digits are right to `accuracy` (0..1); None when none is high enough.

    Of the confidences that occur the one that refuses fewest. Chosen on the digits that it is judged on, it flatters.
    """
    if not 0 <= accuracy <= 1:
        raise AnalysisError(f"An accuracy of {accuracy:g} cannot be reached; ask for one from 0 to 1, as in 0.999.")
    sure, rights = _from_the_surest(confidence, right)
    answered = np.arange(1, len(sure) + 1)
    last_of_ties = np.append(sure[:-1] != sure[1:], True)[: len(sure)]
    enough = np.flatnonzero(last_of_ties & (rights / answered >= accuracy))
    if not enough.size:
        return None
    place = int(enough[-1])
    return Abstention(float(sure[place]), place + 1, int(rights[place]), len(confidence))


def _from_the_surest(confidence: Floats, right: Bools) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Confidences in descending order without NaN, and how many of the answers up to each were right."""
    known = np.flatnonzero(~np.isnan(confidence))
    order = known[np.argsort(-confidence[known], kind="stable")]
    return confidence[order].astype(np.float64), np.cumsum(right[order], dtype=np.int64)

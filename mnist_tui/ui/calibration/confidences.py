"""Figures of the calibration screen, computed from confidences on demand."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.calibration import Abstention, Coverage, Reliability, coverage, reliability, threshold_for
from mnist_tui.analysis.predicted import Bools

THRESHOLDS: tuple[float, ...] = (
    *(step / 100 for step in range(99)),
    *(step / 1000 for step in range(990, 1001)),
)
"""Abstention thresholds of the cursor; finer near 1, where most confidences are."""
TARGETS = (0.99, 0.995, 0.999, 0.9995, 1.0)
"""Target accuracies."""
CURVE_POINTS = 200


@dataclass(frozen=True, eq=False)
class Confidences:
    """Confidences of one evaluation; both arrays have the shape (n,)."""

    confidence: NDArray[np.float32]
    """Probability of each predicted class, 0..1; NaN after divergence."""
    correct: Bools

    @cached_property
    def reliability(self) -> Reliability:
        """Reliability diagram."""
        return reliability(self.confidence, self.correct)

    @cached_property
    def curve(self) -> Coverage:
        """Coverage and accuracy at as many thresholds as a plot can show."""
        known = self.confidence[~np.isnan(self.confidence)]
        shares = np.linspace(0, 1, CURVE_POINTS)
        levels = np.quantile(known, shares, method="lower") if known.size else np.array([])
        return coverage(self.confidence, self.correct, np.unique(np.concatenate([levels, np.array(THRESHOLDS)])))

    @cached_property
    def targets(self) -> tuple[tuple[float, Abstention], ...]:
        """(accuracy, abstention) for each of TARGETS that is above the plain accuracy and that a threshold reaches."""
        reached = [(target, threshold_for(self.confidence, self.correct, target)) for target in TARGETS]
        everything = self.abstaining(0.0)
        return tuple(
            (target, abstention)
            for target, abstention in reached
            if abstention is not None and everything.answered and everything.accuracy < target
        )

    def abstaining(self, threshold: float) -> Abstention:
        """Return coverage and accuracy when abstaining below a threshold."""
        answered = self.confidence >= np.float32(threshold)
        count, right = int(answered.sum()), int((answered & self.correct).sum())
        return Abstention(threshold, count, right, len(self.confidence))

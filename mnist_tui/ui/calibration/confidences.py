"""How sure the network was of right and of wrong answers: everything that the calibration screen draws."""

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
"""Where the cursor can stand: finer near 1, where most answers are."""
TARGETS = (0.99, 0.995, 0.999, 0.9995, 1.0)
"""Accuracies that somebody may want."""
CURVE_POINTS = 200


@dataclass(frozen=True, eq=False)
class Confidences:
    """Columns of one moment's table, shape (n,) each."""

    confidence: NDArray[np.float32]
    """Probability of each answer, 0..1; NaN where there is none."""
    correct: Bools

    @cached_property
    def reliability(self) -> Reliability:
        """Answers by confidence, in bins."""
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
        """(accuracy, what must be refused for it) for those of TARGETS that refusing can reach and is needed for."""
        reached = [(target, threshold_for(self.confidence, self.correct, target)) for target in TARGETS]
        everything = self.abstaining(0.0)
        return tuple(
            (target, abstention)
            for target, abstention in reached
            if abstention is not None and everything.answered and everything.accuracy < target
        )

    def abstaining(self, threshold: float) -> Abstention:
        """What is left when answers below a confidence are refused."""
        answered = self.confidence >= np.float32(threshold)
        count, right = int(answered.sum()), int((answered & self.correct).sum())
        return Abstention(threshold, count, right, len(self.confidence))

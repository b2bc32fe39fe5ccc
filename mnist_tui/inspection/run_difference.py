"""The difference between two runs, tested on the images that both predicted without training on them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_tui.analysis.predicted import predicted_classes
from mnist_tui.analysis.significance import Paired, common, paired
from mnist_tui.inspection.predictions import TEST, VALIDATION, EvaluationPoint, PredictionFiles, Predictions
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History

MISSING = "predictions are missing"


@dataclass(frozen=True)
class Difference:
    """The difference on one split. `reason` says why it was not tested, if it was not."""

    split: str
    paired: Paired | None = None
    reason: str = ""

    @property
    def words(self) -> str:
        """The result of the test in words, or why there is none."""
        if self.paired is None:
            return f"no {self.split} comparison: {self.reason}"
        images = "1 image" if self.paired.total == 1 else f"{self.paired.total:,} images"
        return f"{self.split}, {images} of both: {self.paired.words}"

    def as_json(self) -> dict[str, Any]:
        """Return the object that `compare --json` prints."""
        tested = self.paired.as_json() if self.paired is not None else {"words": self.words}
        return {"split": self.split} | tested | {"not_tested": self.reason or None}


@dataclass(frozen=True)
class EvaluatedRun:
    """A run, and its events at least without steps."""

    run: RunDirectory
    history: History

    @property
    def points(self) -> dict[str, EvaluationPoint]:
        """The run's results by split: its first test and its best epoch."""
        best = self.history.best_epoch
        tested = {TEST: EvaluationPoint(TEST)} if self.history.tests else {}
        return tested | ({VALIDATION: EvaluationPoint(VALIDATION, best.epoch)} if best is not None else {})

    @property
    def state(self) -> tuple[object, ...]:
        """Value that changes with the results."""
        return self.run.path, *self.points.values()


def differences(first: EvaluatedRun, second: EvaluatedRun) -> list[Difference]:
    """Return the difference of the second run from the first on each split of which both have a result.

    Of the validation sets of two runs, only the images in both count, since each run has trained on the others.
    """
    found = []
    for split, point in first.points.items():
        if split in second.points:
            try:
                before = PredictionFiles(first.run).load(point)
                now = PredictionFiles(second.run).load(second.points[split])
            except RunError:
                found.append(Difference(split, reason=MISSING))
                continue
            found.append(difference(split, before, now, (_names(first), _names(second))))
    return found


def difference(
    split: str, before: Predictions, now: Predictions, names: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
) -> Difference:
    """Test the difference of two predictions of a split on the images that are in both.

    Args:
        split: Name of the split.
        before: First predictions.
        now: Predictions to compare with them.
        names: Class names of each, empty if they are not known.
    """
    if before.probabilities.shape[1] != now.probabilities.shape[1] or names[0] != names[1]:
        return Difference(split, reason="the runs have different classes")
    rows, others = common(before.indices, now.indices)
    if not len(rows):
        return Difference(split, reason="the runs have no images in common")
    if not np.array_equal(before.images[rows], now.images[others]):
        return Difference(split, reason="the images differ")
    if not np.array_equal(before.labels[rows], now.labels[others]):
        return Difference(split, reason="the images have different labels")
    first, second = (predicted_classes(each.labels, each.probabilities).correct for each in (before, now))
    return Difference(split, paired(first[rows], second[others]))


def _names(run: EvaluatedRun) -> tuple[str, ...]:
    return run.history.started.class_names if run.history.started else ()

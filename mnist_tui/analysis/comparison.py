"""Runs side by side: the settings in which they differ, their results, and what each needed to reach an accuracy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnist_tui.metrics import TARGET_ACCURACIES

TARGETS = TARGET_ACCURACIES[1:]
"""Target accuracies whose images and seconds are compared; most runs reach the lowest one in their first epoch."""
Settings = Mapping[str, str]


@dataclass(frozen=True)
class EpochResult:
    """The end of an epoch: the cost since the start of the run, and the validation accuracy."""

    epoch: int
    images: int
    """Training images shown to the model so far, each counted once per epoch."""
    seconds: float
    """Seconds of start-up, training and validation; pauses and downtime excluded."""
    validation_accuracy: float
    """0..1."""
    watt_hours: float | None = None
    """Energy without pauses; None if it cannot be read."""


@dataclass(frozen=True)
class RunResult:
    """The settings and results of a run. Accuracies are 0..1, None if unknown."""

    name: str
    settings: Settings
    """Label of each setting -> formatted value; empty if they are unknown, and with them the cost of the epochs."""
    epochs: tuple[EpochResult, ...] = ()
    """The validated epochs, oldest first."""
    test_accuracies: tuple[float, ...] = ()
    """Accuracies of all tests, oldest first."""
    test_epoch: int | None = None
    """Epoch whose weights were tested first."""
    is_over: bool = True
    """True if no further epoch will come."""

    @property
    def test_accuracy(self) -> float | None:
        """Accuracy of the first test, the only one of unseen images."""
        return self.test_accuracies[0] if self.test_accuracies else None

    @property
    def best(self) -> EpochResult | None:
        """The first epoch with the highest validation accuracy."""
        return max(self.epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.epoch), default=None)

    def first_reaching(self, target: float) -> EpochResult | None:
        """Return the first epoch with a validation accuracy of at least `target`."""
        return next((epoch for epoch in self.epochs if epoch.validation_accuracy >= target), None)


def differing_settings(runs: Sequence[Settings]) -> list[str]:
    """Return the labels of the settings that differ between runs, in order of appearance.

    A setting that a run lacks (written by another version) differs from every value.
    """
    labels = list(dict.fromkeys(label for settings in runs for label in settings))
    return [label for label in labels if len({settings.get(label) for settings in runs}) > 1]


@dataclass(frozen=True)
class BestRuns:
    """Indices of the best runs in each respect; ties share the first place."""

    validation: frozenset[int]
    test: frozenset[int]
    images: tuple[frozenset[int], ...]
    """The runs that needed the fewest images, one set per target."""
    seconds: tuple[frozenset[int], ...]
    """The runs that needed the least time, one set per target."""


def best_runs(runs: Sequence[RunResult], targets: Sequence[float] = TARGETS) -> BestRuns:
    """Find the best runs. If only one run has a value, none is the best."""
    reached = [[run.first_reaching(target) if run.settings else None for run in runs] for target in targets]
    return BestRuns(
        validation=_highest([run.best.validation_accuracy if run.best else None for run in runs]),
        test=_highest([run.test_accuracy for run in runs]),
        images=tuple(_highest([-epoch.images if epoch else None for epoch in row]) for row in reached),
        seconds=tuple(_highest([-epoch.seconds if epoch else None for epoch in row]) for row in reached),
    )


def _highest(values: Sequence[float | None]) -> frozenset[int]:
    known = [value for value in values if value is not None and not math.isnan(value)]
    if len(known) < 2:
        return frozenset()
    return frozenset(index for index, value in enumerate(values) if value == max(known))

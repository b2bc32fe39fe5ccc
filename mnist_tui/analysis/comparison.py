"""Runs side by side: the settings in which they differ, their results, and what each needed to an accuracy. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TARGETS = (0.99, 0.9929, 0.995)
"""Accuracies that people ask for: the middle one is the mark of the `reference` preset."""
Settings = Mapping[str, str]


@dataclass(frozen=True)
class EpochResult:
    """An epoch's end: what it took to get there from the run's beginning, and how good the run was then."""

    epoch: int
    images: int
    """Training digits shown to the network so far; a digit counts in every epoch."""
    seconds: float
    """Of work, with start-up and validation, without pauses and downtime."""
    validation_accuracy: float
    """0..1, of the validation digits."""


@dataclass(frozen=True)
class RunResult:
    """One run as it is compared. Accuracies are 0..1; None where there is none (yet)."""

    name: str
    settings: Settings
    """Label of each setting -> its value in words."""
    epochs: tuple[EpochResult, ...] = ()
    """The validated ones, the earliest first."""
    test_accuracy: float | None = None
    """Of the test digits, read once at the end with the weights of the best epoch."""
    is_over: bool = True
    """Whether no further epoch is to come."""

    @property
    def best(self) -> EpochResult | None:
        """The epoch with the highest validation accuracy, the first of equals."""
        return max(self.epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.epoch), default=None)

    def reached(self, target: float) -> EpochResult | None:
        """The first epoch's end at which the validation accuracy was `target` or more; None if none was."""
        return next((epoch for epoch in self.epochs if epoch.validation_accuracy >= target), None)


def differing_settings(runs: Sequence[Settings]) -> list[str]:
    """Labels of the settings that are not the same in all runs, in the order in which they first come.

    A setting that a run does not have (written by another version) is another value than any.
    """
    labels = list(dict.fromkeys(label for settings in runs for label in settings))
    return [label for label in labels if len({settings.get(label) for settings in runs}) > 1]


@dataclass(frozen=True)
class Best:
    """Which runs, by their place in what was compared, are the best in something; equals share it."""

    validation: frozenset[int]
    test: frozenset[int]
    images: tuple[frozenset[int], ...]
    """One a target: who needed the fewest images to it."""
    seconds: tuple[frozenset[int], ...]


def best_of(runs: Sequence[RunResult], targets: Sequence[float] = TARGETS) -> Best:
    """Who is the best. Nobody is where fewer than two have a value: a lone one has beaten nobody."""
    at = [[run.reached(target) for run in runs] for target in targets]
    return Best(
        validation=_highest([run.best.validation_accuracy if run.best else None for run in runs]),
        test=_highest([run.test_accuracy for run in runs]),
        images=tuple(_highest([-epoch.images if epoch else None for epoch in row]) for row in at),
        seconds=tuple(_highest([-epoch.seconds if epoch else None for epoch in row]) for row in at),
    )


def _highest(values: Sequence[float | None]) -> frozenset[int]:
    known = [value for value in values if value is not None and value == value]
    if len(known) < 2:
        return frozenset()
    return frozenset(place for place, value in enumerate(values) if value == max(known))

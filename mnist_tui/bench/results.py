"""What was measured: the fields of `mnist-tui bench --json`. Accuracies are 0..1, rates are digits a second."""

import statistics

import msgspec

MARK = 0.9929
"""Of the test digits: where the project started from."""


class MachineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What it was measured on; None or nothing where no engine got as far as to say it."""

    device: str | None
    processor: str
    cpu_count: int
    memory_bytes: int
    load_before: float
    """Processes that wanted a core, averaged over the minute before."""
    versions: dict[str, str]


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a preset trains: the median of `n` slices of the measured time, the slowest and the fastest of them.

    With an `error`, a sentence, nothing else is known.
    """

    preset: str
    batch_size: int
    images_per_second: float | None = None
    lowest: float | None = None
    highest: float | None = None
    n: int = 0
    steps: int = 0
    measured_seconds: float = 0.0
    start_up_seconds: float | None = None
    epoch_seconds: float | None = None
    """One pass over the digits to train on, without validation, at this speed."""
    error: str | None = None


class TimedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of `fast` to its end. Training is from the first step to the last validation."""

    seed: int
    epochs: int
    start_up_seconds: float | None = None
    training_seconds: float | None = None
    test_seconds: float | None = None
    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    error: str | None = None


class TimeToAccuracy(msgspec.Struct, frozen=True, kw_only=True):
    """How soon a preset reads the mark's share of the test digits: means over `n` runs that came to their end."""

    preset: str
    mark: float
    split: str
    n: int
    reached: int
    """In how many of the runs."""
    seconds: float | None
    """Of training, to the mark; None when the mean accuracy is below it."""
    training_seconds: float | None
    lowest_seconds: float | None
    highest_seconds: float | None
    test_accuracy: float | None
    lowest_accuracy: float | None
    highest_accuracy: float | None
    runs: tuple[TimedRun, ...]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `settings` are those that were given; the rest is each preset's own."""

    machine: MachineInfo
    settings: dict[str, str]
    seconds: float
    """Of training that were to be measured for each preset."""
    presets: tuple[Speed, ...]
    mark: TimeToAccuracy | None

    @property
    def complete(self) -> bool:
        """Whether nothing failed."""
        runs = self.mark.runs if self.mark is not None else ()
        return all(speed.error is None for speed in self.presets) and all(run.error is None for run in runs)


def mark_of(preset: str, runs: tuple[TimedRun, ...]) -> TimeToAccuracy:
    """Sum up runs."""
    done = [run for run in runs if run.test_accuracy is not None and run.training_seconds is not None]
    accuracies = [run.test_accuracy for run in done if run.test_accuracy is not None]
    seconds = [run.training_seconds for run in done if run.training_seconds is not None]
    accuracy = statistics.mean(accuracies) if accuracies else None
    took = statistics.mean(seconds) if seconds else None
    return TimeToAccuracy(
        preset=preset,
        mark=MARK,
        split="test",
        n=len(done),
        reached=sum(one >= MARK for one in accuracies),
        seconds=took if accuracy is not None and accuracy >= MARK else None,
        training_seconds=took,
        lowest_seconds=min(seconds, default=None),
        highest_seconds=max(seconds, default=None),
        test_accuracy=accuracy,
        lowest_accuracy=min(accuracies, default=None),
        highest_accuracy=max(accuracies, default=None),
        runs=runs,
    )

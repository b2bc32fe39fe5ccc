"""Results of benchmarks: the fields of `mnist-tui bench --json`. Accuracies are 0..1."""

import os
import platform
import statistics
from pathlib import Path

import msgspec
import psutil

from mnist_tui.bench.timing import Timing
from mnist_tui.config import RunConfig
from mnist_tui.events import Hardware

TARGET_ACCURACY = 0.9929
"""Test accuracy of the model that the project started from, on Kaggle's Digit Recognizer."""
BUSY_LOAD = 0.25
"""Load per core from which on other programs distort a result."""


class MachineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The measured machine. `device` is None and `versions` empty if no engine came far enough to report them."""

    device: str | None
    processor: str
    cpu_count: int
    memory_bytes: int
    load_before: float
    """Load average of the minute before."""
    versions: dict[str, str]

    @property
    def is_busy(self) -> bool:
        """Return True if other programs were running."""
        return self.load_before > BUSY_LOAD * self.cpu_count


def machine_info(load_before: float, hardware: Hardware | None, versions: dict[str, str]) -> MachineInfo:
    """Describe this machine."""
    return MachineInfo(
        device=hardware.device if hardware else None,
        processor=processor(),
        cpu_count=hardware.cpu_count if hardware else os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        load_before=round(load_before, 2),
        versions=versions,
    )


def processor() -> str:
    """Return the name of the processor; empty if the system does not report it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Training speed of a preset: median, slowest and fastest of `n` slices. Only the error is set if it failed."""

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
    """Duration of an epoch at this speed, without validation."""
    joules_per_image: float | None = None
    """Energy of whole CPU packages and GPUs while training, warm-up included; None if it cannot be read."""
    error: str | None = None


class TimedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One complete run. Training lasts from the end of the first step to the end of the last validation."""

    seed: int
    epochs: int
    start_up_seconds: float | None = None
    training_seconds: float | None = None
    test_seconds: float | None = None
    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    watt_hours: float | None = None
    """Energy of whole CPU packages and GPUs, from the start-up to the end of the test; None if it cannot be read."""
    watt_hours_to: dict[str, float | None] = {}
    """Validation accuracy -> watt-hours until it was reached; None if unknown."""
    error: str | None = None

    @classmethod
    def of(cls, config: RunConfig, timing: Timing, error: str | None = None) -> "TimedRun":
        """Return the result of a run that is over."""
        ended, energy = timing.history.ended, timing.history.energy
        return cls(
            seed=config.seed,
            epochs=config.epochs,
            start_up_seconds=timing.start_up_seconds,
            training_seconds=timing.training_seconds,
            test_seconds=timing.test_seconds,
            validation_accuracy=timing.validation_accuracy,
            test_accuracy=ended.test_accuracy if ended else None,
            watt_hours=energy.worked.watt_hours,
            watt_hours_to=energy.to_accuracies(timing.history.epochs),
            error=error,
        )


class TimeToAccuracy(msgspec.Struct, frozen=True, kw_only=True):
    """Training time of a preset to the target test accuracy: means over the `n` runs that were tested."""

    preset: str
    target: float
    split: str
    n: int
    reached: int
    """Number of runs that reached the target."""
    seconds: float | None
    """Seconds of training to the target; None if the mean accuracy is below it."""
    training_seconds: float | None
    lowest_seconds: float | None
    highest_seconds: float | None
    test_accuracy: float | None
    lowest_accuracy: float | None
    highest_accuracy: float | None
    runs: tuple[TimedRun, ...]

    @classmethod
    def of(cls, preset: str, runs: tuple[TimedRun, ...]) -> "TimeToAccuracy":
        """Summarise runs."""
        accuracies = [run.test_accuracy for run in runs if run.test_accuracy is not None]
        seconds = [run.training_seconds or 0.0 for run in runs if run.test_accuracy is not None]
        accuracy, took = (statistics.mean(values) if values else None for values in (accuracies, seconds))
        return cls(
            preset=preset,
            target=TARGET_ACCURACY,
            split="test",
            n=len(accuracies),
            reached=sum(one >= TARGET_ACCURACY for one in accuracies),
            seconds=took if accuracy is not None and accuracy >= TARGET_ACCURACY else None,
            training_seconds=took,
            lowest_seconds=min(seconds, default=None),
            highest_seconds=max(seconds, default=None),
            test_accuracy=accuracy,
            lowest_accuracy=min(accuracies, default=None),
            highest_accuracy=max(accuracies, default=None),
            runs=runs,
        )


class BenchResult(msgspec.Struct, frozen=True, kw_only=True):
    """All results. `settings` are those that were given; each preset has its own for the rest."""

    machine: MachineInfo
    settings: dict[str, str]
    seconds: float
    """Seconds of training to measure for each preset."""
    presets: tuple[Speed, ...]
    time_to_accuracy: TimeToAccuracy | None

    @property
    def is_complete(self) -> bool:
        """Return True if nothing failed."""
        runs = self.time_to_accuracy.runs if self.time_to_accuracy is not None else ()
        return not any(speed.error for speed in self.presets) and not any(run.error for run in runs)

    def as_json(self) -> dict[str, object]:
        """Return the object that `--json` prints. `mark` is the old name of `time_to_accuracy`."""
        fields: dict[str, object] = msgspec.to_builtins(self)
        old = fields["time_to_accuracy"]
        return fields | {"mark": old | {"mark": old["target"]} if isinstance(old, dict) else None}

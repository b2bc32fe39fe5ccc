"""Timing: how long a run took and how fast it trained, from its history."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.events import START_UP, Phase
from mnist_tui.runs.history import History

SLICES = 10


@dataclass(frozen=True, eq=False)
class StepTimes:
    """Timed steps, or executions of several steps. All arrays have shape (n,)."""

    seconds: NDArray[np.float64]
    images: NDArray[np.float64]
    steps: NDArray[np.float64]
    """Number of steps in each."""

    @property
    def total(self) -> float:
        """Seconds of all steps together."""
        return float(self.seconds.sum())

    def rates(self) -> list[float]:
        """Return images per second in at most SLICES slices of about equal duration, cut between steps."""
        ends = np.cumsum(self.seconds)
        slices = np.minimum(np.ceil(ends / max(self.total, 1e-9) * SLICES - 1e-9), SLICES).astype(int)
        last_rows = np.flatnonzero(np.diff(np.append(slices, SLICES + 1)))
        seconds = np.diff(ends[last_rows], prepend=0.0)
        images = np.diff(np.cumsum(self.images)[last_rows], prepend=0.0)
        return [float(rate) for rate in images[seconds > 0] / seconds[seconds > 0]]


class Timing:
    """Durations of a run. Start-up ends with the first step, which compiles.

    A later step lasts from the end of the one before, or from the beginning of its epoch. Recording counts, validation
    does not.
    """

    def __init__(self, history: History) -> None:
        self.history = history

    @property
    def first_step(self) -> float | None:
        """Time at which the first step ended, in seconds since 1970."""
        table = self.history.steps
        return float(table.column("time")[0]) if table.count else None

    @property
    def start_up_phase(self) -> str:
        """Current start-up phase in words; empty after the first step."""
        return "" if self.first_step is not None else START_UP.get(self.history.phase or Phase.IMPORTING, "")

    @property
    def steps_planned(self) -> int:
        """Steps of all epochs together; 0 while unknown."""
        started = self.history.started
        return self.history.epochs_planned * started.steps_per_epoch if started is not None else 0

    @property
    def start_up_seconds(self) -> float | None:
        """Seconds from the start of the process to the end of the first step."""
        return None if self.first_step is None else self.first_step - self.history.record.created

    @property
    def training_seconds(self) -> float | None:
        """Seconds from the end of the first step to the end of the last validation."""
        if self.first_step is None or not self.history.epochs:
            return None
        return self.history.epochs[-1].time - self.first_step

    @property
    def test_seconds(self) -> float | None:
        """Seconds from the end of the last epoch to the end of the run."""
        ended, epochs = self.history.ended, self.history.epochs
        return ended.time - epochs[-1].time if ended is not None and epochs else None

    @property
    def validation_accuracy(self) -> float | None:
        """Highest validation accuracy, 0..1."""
        return max((epoch.validation_accuracy for epoch in self.history.epochs), default=None)

    def steps(self, warm_up: float = 0.0) -> StepTimes:
        """Return the steps after the first that began at least `warm_up` seconds after its end."""
        table, starts = self.history.steps, self.history.training_starts
        ended, step = table.column("time"), table.column("step")
        if table.count < 2:
            return StepTimes(*(np.empty(0) for _ in range(3)))
        phase = np.searchsorted(starts, ended[1:], side="right") - 1
        began = np.maximum(ended[:-1], np.array([*starts, -np.inf])[phase])  # -1 is the last
        warm = began >= ended[0] + warm_up
        images = np.diff(self._images_until(step))
        return StepTimes((ended[1:] - began)[warm], images[warm], np.diff(step)[warm])

    def _images_until(self, step: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count the images of all steps up to each; the last batch of an epoch may be smaller."""
        started, batch_size = self.history.started, self.history.record.config.batch_size
        if started is None:
            return step * batch_size
        epochs, rest = np.divmod(step, started.steps_per_epoch)
        images: NDArray[np.float64] = epochs * started.train_count + rest * batch_size
        return images

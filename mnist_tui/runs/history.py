"""Events -> arrays and totals: the state that every screen and the plain lines read.

`History.apply` is the only way in. Nothing here reads a clock or a file.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.events import (
    AnyEvent,
    CheckpointSaved,
    EpochEnded,
    HardwareSampled,
    Phase,
    PhaseChanged,
    RunEnded,
    RunFailed,
    RunStarted,
    SettingChanged,
    StepEnded,
)
from mnist_tui.runs.directory import RunRecord

STEP_COLUMNS = ("step", "epoch", "time", "loss", "accuracy", "learning_rate", "images_per_second")
RECENT_STEPS = 50
"""Steps that speed is averaged over: long enough to be steady, short enough to follow a change."""
NOTED_EVENTS = 200
"""How many events in words a history keeps."""


class StepTable:
    """One row a step, in arrays that double as they grow. Columns: STEP_COLUMNS, float64; NaN where not finite."""

    def __init__(self) -> None:
        self._columns = np.empty((len(STEP_COLUMNS), 1024))
        self.count = 0

    def append(self, event: StepEnded) -> None:
        """Add one step."""
        if self.count == self._columns.shape[1]:
            self._columns = np.concatenate([self._columns, np.empty_like(self._columns)], axis=1)
        nan = np.nan
        self._columns[:, self.count] = (
            event.step,
            event.epoch,
            event.time,
            nan if event.loss is None else event.loss,
            nan if event.accuracy is None else event.accuracy,
            event.learning_rate,
            event.images_per_second,
        )
        self.count += 1

    def column(self, key: str) -> NDArray[np.float64]:
        """A view of one column, shape (count,); not a copy, and never to be written to."""
        return self._columns[STEP_COLUMNS.index(key), : self.count]


@dataclass(frozen=True)
class Note:
    """Something that happened, in words."""

    time: float
    text: str


class History:
    """Everything known of a run from its events. `revision` grows with every event, so that a reader sees a change."""

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.revision = 0
        self.first_time: float | None = None
        self.last_time: float | None = None
        self.phase: Phase | None = None
        self.phase_since = record.created
        self.started: RunStarted | None = None
        self.steps = StepTable()
        self.epochs: list[EpochEnded] = []
        self.hardware: HardwareSampled | None = None
        self.checkpoint: CheckpointSaved | None = None
        self.ended: RunEnded | None = None
        self.failed: RunFailed | None = None
        self.stopping = False
        """Whether somebody asked the run to end after its batch."""
        self.notes: deque[Note] = deque(maxlen=NOTED_EVENTS)
        self.phase_seconds: dict[Phase, float] = {}
        """How long each phase took that is over, summed."""

    def apply_all(self, events: Iterable[AnyEvent]) -> None:
        """Take in events, oldest first."""
        for event in events:
            self.apply(event)

    def apply(self, event: AnyEvent) -> None:
        """Take in one event."""
        self.revision += 1
        self.first_time = event.time if self.first_time is None else self.first_time
        self.last_time = event.time
        if isinstance(event, StepEnded):
            self.steps.append(event)
            return
        if isinstance(event, HardwareSampled):
            self.hardware = event
            return
        if isinstance(event, PhaseChanged):
            self._end_phase(event.time)
            self.phase, self.phase_since = event.phase, event.time
            return
        if isinstance(event, RunStarted):
            self.started = event
        elif isinstance(event, EpochEnded):
            self.epochs.append(event)
        elif isinstance(event, CheckpointSaved):
            self.checkpoint = event
        elif isinstance(event, RunEnded):
            self.ended = event
            self._end_phase(event.time)
        elif isinstance(event, RunFailed):
            self.failed = event
        elif isinstance(event, SettingChanged) and event.setting == "stop":
            self.stopping = True
        self.notes.append(Note(event.time, describe(event)))

    def _end_phase(self, now: float) -> None:
        if self.phase is not None:
            self.phase_seconds[self.phase] = self.phase_seconds.get(self.phase, 0.0) + now - self.phase_since

    @property
    def best_epoch(self) -> EpochEnded | None:
        """The epoch with the highest validation accuracy (the first of equals); None before the first ends."""
        return max(self.epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.epoch), default=None)

    @property
    def is_over(self) -> bool:
        """Whether the engine said that the run ended or failed."""
        return self.ended is not None or self.failed is not None

    def recent(self, key: str) -> float:
        """Mean of a column over the last RECENT_STEPS steps that had a value; NaN when there are none."""
        tail = self.steps.column(key)[-RECENT_STEPS:]
        finite = tail[np.isfinite(tail)]
        return float(finite.mean()) if finite.size else float("nan")

    def validation(self, key: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A field of EpochEnded over the epochs: steps at which they ended, and values (NaN where not finite)."""
        values: list[Any] = [getattr(epoch, key) for epoch in self.epochs]
        steps = np.array([epoch.step for epoch in self.epochs], dtype=float)
        return steps, np.array([np.nan if value is None else value for value in values], dtype=float)


def describe(event: AnyEvent) -> str:
    """One line in words for an event that is worth a line."""
    match event:
        case RunStarted():
            return f"{len(event.layers)} layers on {event.hardware.device}"
        case EpochEnded():
            best = ", best so far" if event.is_best else ""
            return f"epoch {event.epoch}: validation {event.validation_accuracy * 100:.2f} %{best}"
        case CheckpointSaved():
            return f"{event.path} saved, epoch {event.epoch}"
        case SettingChanged():
            return f"{event.setting}: {event.value}, asked by {event.by}"
        case RunEnded(test_accuracy=None):
            return f"run {event.reason}, not tested"
        case RunEnded(test_accuracy=float(accuracy)):
            return f"run {event.reason}: test {accuracy * 100:.2f} %"
        case RunFailed():
            return f"run failed: {event.error}"
        case _:
            return type(event).__name__

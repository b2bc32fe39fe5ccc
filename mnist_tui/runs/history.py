"""Events -> arrays and totals: the state that every screen and the plain lines read.

`History.apply` is the only way in. Nothing here reads a clock or a file.
"""

import contextlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from mnist_tui.events import (
    AlertRaised,
    AnyEvent,
    CheckpointSaved,
    EpochEnded,
    HardwareSampled,
    LayerStats,
    Phase,
    PhaseChanged,
    ResumeReason,
    RunEnded,
    RunFailed,
    RunResumed,
    RunStarted,
    SettingChanged,
    StepEnded,
    kept_epoch,
)
from mnist_tui.metrics import Metric
from mnist_tui.runs.directory import RunRecord
from mnist_tui.runs.pyramid import MinMaxPyramid

STEP_COLUMNS = ("step", "epoch", "time", "worked", "loss", "accuracy", "learning_rate", "images_per_second")
RECORDED_COLUMNS = tuple(key for key in STEP_COLUMNS if key != "worked")
"""Those that are fields of StepEnded."""
FIRST_ROWS = 1_024
FEWEST_AT_ONCE = 16
"""Steps from which on filling columns costs less than filling rows."""
RECENT_STEPS = 50
"""Steps that speed is averaged over: long enough to be steady, short enough to follow a change."""
NOTED_EVENTS = 200
"""How many events in words a history keeps."""


class StepTable:
    """One row a step, in arrays that double as they grow. Columns: STEP_COLUMNS, float64; NaN where not finite.

    `time` is the time of day, `worked` the seconds since the run's beginning without pauses and downtime.
    """

    def __init__(self) -> None:
        self._columns = {key: np.empty(FIRST_ROWS) for key in STEP_COLUMNS}
        self._pyramids: dict[str, MinMaxPyramid] = {}
        self.count = 0

    def append(self, event: StepEnded, worked: float) -> None:
        """Add one step."""
        self._make_room(self.count + 1)
        for key in RECORDED_COLUMNS:
            value = getattr(event, key)
            self._columns[key][self.count] = np.nan if value is None else value
        self._columns["worked"][self.count] = worked
        self.count += 1

    def extend(self, events: Sequence[StepEnded], worked: NDArray[np.float64]) -> None:
        """Add steps, each column at once; `worked` is of shape (n,)."""
        new = slice(self.count, self.count + len(events))
        self._make_room(new.stop)
        for key in RECORDED_COLUMNS:
            self._columns[key][new] = list(map(attrgetter(key), events))  # NumPy reads None as NaN
        self._columns["worked"][new] = worked
        self.count = new.stop

    def _make_room(self, rows: int) -> None:
        """Grow one column after the other, so that only one of them is there twice at a time."""
        room = len(self._columns["step"])
        if rows <= room:
            return
        for key, values in self._columns.items():
            grown = np.empty(max(rows, 2 * room))
            grown[: self.count] = values[: self.count]
            self._columns[key] = grown

    def rewind(self, step: int) -> None:
        """Forget the steps after this one."""
        self.count = int(np.searchsorted(self.column("step"), step, side="right"))
        for pyramid in self._pyramids.values():
            pyramid.truncate(self.count)

    def column(self, key: str) -> NDArray[np.float64]:
        """A view of one column, shape (count,); not a copy, and never to be written to."""
        return self._columns[key][: self.count]

    def pyramid(self, key: str) -> MinMaxPyramid:
        """The stretches of one column, up to its newest step; made when it is first asked for."""
        pyramid = self._pyramids.setdefault(key, MinMaxPyramid())
        pyramid.extend(self.column(key))
        return pyramid


@dataclass(frozen=True, eq=False)
class Curve:
    """One quantity over a run: all of shape (n,), in the order in which they came. NaN where it was not finite."""

    steps: NDArray[np.float64]
    worked: NDArray[np.float64]
    """Seconds since the run's beginning without pauses and downtime."""
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Note:
    """Something that happened, in words; `alert` when it is a warning."""

    time: float
    text: str
    alert: bool = False


@dataclass(frozen=True)
class CurveMarker:
    """Something to be marked on the curves, at the step after which it happened."""

    step: int
    kind: Literal["alert", "setting", "pause", "resume"]
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
        self.hardware_samples: list[tuple[int, HardwareSampled]] = []
        """With the newest step at that time."""
        self.layer_stats: list[LayerStats] = []
        self.checkpoint: CheckpointSaved | None = None
        self.ended: RunEnded | None = None
        self.failed: RunFailed | None = None
        self.stopping = False
        """Whether somebody asked the run to end after its batch."""
        self.member_epochs = record.config.epochs if len(record.config.members) > 1 else None
        """Epochs of each network of an ensemble; None where there is one network, whose epochs can be changed."""
        self.epochs_planned = record.config.epochs_in_all
        self.early_stopping = record.config.early_stopping
        self.max_learning_rate = record.config.learning_rate
        """Peak of the learning-rate schedule."""
        self.alert: AlertRaised | None = None
        """The newest alert of the state that counts; a roll back takes it away."""
        self.markers: list[CurveMarker] = []
        self._lost = 0.0
        """Seconds of pauses and downtime so far."""
        self._rejoined: float | None = None
        """After a resume: the seconds worked at the step gone back to, until the next step."""
        self.notes: deque[Note] = deque(maxlen=NOTED_EVENTS)
        self.phase_seconds: dict[Phase, float] = {}
        """How long each phase took that is over, summed; of the newest engine alone."""

    def apply_all(self, events: Iterable[AnyEvent]) -> None:
        """Take in events, oldest first."""
        for kind, stretch in groupby(events, type):
            if kind is StepEnded:
                self._take_steps(cast("list[StepEnded]", list(stretch)))
            else:
                for event in stretch:
                    self.apply(event)

    def apply(self, event: AnyEvent) -> None:
        """Take in one event."""
        if isinstance(event, StepEnded):
            self._take_steps([event])
            return
        self.revision += 1
        self.first_time = event.time if self.first_time is None else self.first_time
        self.last_time = event.time
        if isinstance(event, HardwareSampled):
            self.hardware = event
            self.hardware_samples.append((self.last_step, event))
            return
        if isinstance(event, LayerStats):
            self.layer_stats.append(event)
            return
        if isinstance(event, PhaseChanged):
            self._take_phase(event)
            return
        if isinstance(event, RunStarted):
            self.started = event
        elif isinstance(event, EpochEnded):
            self.epochs.append(event)
        elif isinstance(event, CheckpointSaved):
            self.checkpoint = event
        elif isinstance(event, AlertRaised):
            self.alert = event
            self.markers.append(CurveMarker(event.step, "alert", event.text))
        elif isinstance(event, SettingChanged):
            self._take_setting(event)
        elif isinstance(event, RunResumed):
            self._rewind(event)
        elif isinstance(event, RunEnded):
            self.ended = event
            self._end_phase(event.time)
        elif isinstance(event, RunFailed):
            self.failed = event
        self.notes.append(Note(event.time, describe(event), isinstance(event, AlertRaised | RunFailed)))

    def _take_steps(self, events: Sequence[StepEnded]) -> None:
        """Steps with nothing else between them, one or more."""
        first = events[0]
        self.revision += len(events)
        self.first_time = first.time if self.first_time is None else self.first_time
        self.last_time = events[-1].time
        if self._rejoined is not None:
            took = self.record.config.batch_size / max(1e-9, first.images_per_second)
            self._lost, self._rejoined = first.time - self.record.created - self._rejoined - took, None
        if len(events) < FEWEST_AT_ONCE:
            for event in events:
                self.steps.append(event, event.time - self.record.created - self._lost)
        else:
            times = np.array([event.time for event in events])
            self.steps.extend(events, times - self.record.created - self._lost)

    def _take_phase(self, event: PhaseChanged) -> None:
        self._end_phase(event.time)
        if self.phase is Phase.PAUSED:
            self._lost += event.time - self.phase_since
            if self.alert is not None and self.alert.awaits_decision:
                self.alert = None  # somebody decided
        self.phase, self.phase_since = event.phase, event.time

    def _take_setting(self, event: SettingChanged) -> None:
        if event.setting == "stop":
            self.stopping = True
        elif event.setting == "epochs" and event.value.isdecimal():
            self.epochs_planned = int(event.value)
        elif event.setting == "learning_rate":
            with contextlib.suppress(ValueError):  # a damaged line
                self.max_learning_rate = float(event.value)
        elif event.setting == "early_stopping":
            self.early_stopping = event.value
        kind: Literal["pause", "setting"] = "pause" if event.setting in ("pause", "continue", "step") else "setting"
        self.markers.append(CurveMarker(event.step, kind, describe(event)))

    def _rewind(self, event: RunResumed) -> None:
        """Back to an earlier state: the steps and epochs after it are no longer part of the run."""
        self.steps.rewind(event.step)
        self.epochs = [epoch for epoch in self.epochs if epoch.epoch <= event.epoch]
        self.markers = [mark for mark in self.markers if mark.step <= event.step]
        self.layer_stats = [stats for stats in self.layer_stats if stats.step <= event.step]
        self.hardware_samples = [(step, sample) for step, sample in self.hardware_samples if step <= event.step]
        self.markers.append(CurveMarker(event.step, "resume", describe(event)))
        self.ended = self.failed = self.alert = None
        self.stopping = False
        if event.reason is not ResumeReason.ROLLED_BACK:
            self.phase, self.phase_since, self.phase_seconds = None, event.time, {}  # the engine begins anew
        self._rejoined = float(self.steps.column("worked")[-1]) if self.steps.count else 0.0

    def _end_phase(self, now: float) -> None:
        if self.phase is not None:
            self.phase_seconds[self.phase] = self.phase_seconds.get(self.phase, 0.0) + now - self.phase_since

    @property
    def best_epoch(self) -> EpochEnded | None:
        """The epoch whose network is kept, of an ensemble the newest one's; None before the first ends."""
        return kept_epoch(self.epochs)

    @property
    def is_over(self) -> bool:
        """Whether the engine said that the run ended or failed."""
        return self.ended is not None or self.failed is not None

    @property
    def last_step(self) -> int:
        """The newest step; 0 before the first."""
        return int(self.steps.column("step")[-1]) if self.steps.count else 0

    @property
    def paused(self) -> bool:
        """Whether training stands still."""
        return self.phase is Phase.PAUSED and not self.is_over

    def worked(self, now: float) -> float:
        """Seconds since the run's beginning without pauses and downtime."""
        if self._rejoined is not None:
            return self._rejoined
        pause = now - self.phase_since if self.paused else 0.0
        return max(0.0, now - self.record.created - self._lost - pause)

    def recent(self, key: str) -> float:
        """Mean of a column over the last RECENT_STEPS steps that had a value; NaN when there are none."""
        tail = self.steps.column(key)[-RECENT_STEPS:]
        finite = tail[np.isfinite(tail)]
        return float(finite.mean()) if finite.size else float("nan")

    def curve(self, metric: Metric, gpu: int = 0) -> Curve:
        """What was recorded of a metric while training; unscaled. `gpu` counts from 0, for a metric that is of one."""
        if metric.source == "steps":
            table = self.steps
            return Curve(table.column("step"), table.column("worked"), table.column(metric.key))
        pairs: list[tuple[int, float | None]]
        if metric.source == "layers":
            pairs = [(stats.step, getattr(stats, metric.key)) for stats in self.layer_stats]
        else:
            pairs = [(step, hardware_value(sample, metric.key, gpu)) for step, sample in self.hardware_samples]
        steps = np.array([step for step, _ in pairs], dtype=float)
        values = np.array([np.nan if value is None else value for _, value in pairs], dtype=float)
        return Curve(steps, self.worked_at(steps), values)

    def worked_at(self, steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Seconds worked when steps ended, shape (n,) -> (n,); between two recorded steps by proportion."""
        table = self.steps
        if not table.count:
            return np.zeros_like(steps)
        return np.interp(steps, table.column("step"), table.column("worked"))

    def elapsed_at(self, steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Seconds by the clock since the run's beginning when steps ended, pauses included; else as `worked_at`."""
        table = self.steps
        if not table.count:
            return np.zeros_like(steps)
        return np.interp(steps, table.column("step"), table.column("time")) - self.record.created

    def validation(self, key: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A field of EpochEnded over the epochs: steps at which they ended, and values (NaN where not finite)."""
        values: list[Any] = [getattr(epoch, key) for epoch in self.epochs]
        steps = np.array([epoch.step for epoch in self.epochs], dtype=float)
        return steps, np.array([np.nan if value is None else value for value in values], dtype=float)


def hardware_value(sample: HardwareSampled, key: str, number: int = 0) -> float | None:
    """A field of a hardware sample, or of one of its GPUs where the key says so (`gpu_utilisation`)."""
    if not key.startswith("gpu_"):
        value: float | None = getattr(sample, key)
        return value
    gpu = sample.gpus[number] if number < len(sample.gpus) else None
    return getattr(gpu, key.removeprefix("gpu_")) if gpu is not None else None


def describe(event: AnyEvent) -> str:
    """One line in words for an event that is worth a line."""
    match event:
        case RunStarted():
            return f"{len(event.layers)} layers on {event.hardware.device}"
        case EpochEnded():
            best = ", best so far" if event.is_best else ""
            return f"epoch {event.epoch}: validation {event.validation_accuracy * 100:.2f} %{best}"
        case CheckpointSaved(path="model.keras"):
            return f"{event.path} saved, epoch {event.epoch}"
        case CheckpointSaved():
            return f"checkpoint saved, step {event.step:,}"
        case AlertRaised():
            return event.text
        case SettingChanged():
            return f"{event.setting.replace('_', ' ')}: {event.value}, by {event.by}"
        case RunResumed():
            return f"{event.reason} at step {event.step:,}, by {event.by}"
        case RunEnded(test_accuracy=None):
            return f"run {event.reason}, not tested"
        case RunEnded(test_accuracy=float(accuracy)):
            return f"run {event.reason}: test {accuracy * 100:.2f} %"
        case RunFailed():
            return f"run failed: {event.error}"
        case _:
            return type(event).__name__

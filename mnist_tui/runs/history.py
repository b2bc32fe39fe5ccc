"""History: the state of a run, built from its events. All screens and listings read it.

Nothing here reads a clock or a file. NumPy is loaded with the first step, so that a list of runs needs none.
"""

import contextlib
import math
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Literal, cast

from mnist_tui.config import ConfigError
from mnist_tui.events import (
    AlertRaised,
    AnyEvent,
    CheckpointSaved,
    CommandEnded,
    EpochEnded,
    HardwareSampled,
    LayerHistograms,
    LayerStats,
    Phase,
    PhaseChanged,
    ResumeReason,
    RollingEvaluated,
    RunEnded,
    RunFailed,
    RunResumed,
    RunStarted,
    SettingChanged,
    StepEnded,
    kept_epoch,
)
from mnist_tui.image_layout import MNIST_SHAPE, ImageShape
from mnist_tui.metrics import Metric
from mnist_tui.runs.directory import RunRecord
from mnist_tui.runs.energy import EnergyLedger
from mnist_tui.runs.notes import SEEN, CurveMarker, Note, describe, is_alarming
from mnist_tui.runs.status import Status
from mnist_tui.runs.thinning import thinned
from mnist_tui.settings import NO_CATALOGUE, SETTINGS_BY_KEY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnist_tui.runs.steps import Curve, StepTable

RECENT_STEPS = 50
"""Steps that the speed is averaged over: enough to be steady, few enough to follow a change."""
NOTED_EVENTS = 200
"""Maximum number of notes kept."""
MOST_HISTOGRAMS = 600
"""Maximum number of histogram samples kept: several for each column of a screen."""
MOST_ROLLING = 300
"""Maximum number of rolling evaluations kept: more than a curve can show apart."""
STEERED_FIELDS = {
    "epochs": "epochs_planned",
    "learning_rate": "max_learning_rate",
    "early_stopping": "early_stopping",
    "until": "until",
    "on_end": "on_end",
}
"""Setting that a user can change -> field of History, and of the engine's TrainingState."""


class History:
    """State of a run, built from its events. `revision` grows with every event."""

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.revision = 0
        self.first_time: float | None = None
        self.last_time: float | None = None
        self.phase: Phase | None = None
        self.phase_since = record.created
        self.started: RunStarted | None = None
        self.last_step = 0
        """Newest step; 0 before the first."""
        self.training_starts: list[float] = []
        """Times at which training began or continued, in seconds since 1970."""
        self.epochs: list[EpochEnded] = []
        self.hardware: HardwareSampled | None = None
        self.hardware_samples: list[tuple[int, HardwareSampled]] = []
        """Each with the newest step at its time."""
        self.energy = EnergyLedger()
        self.layer_stats: list[LayerStats] = []
        self.rolling: list[RollingEvaluated] = []
        """At most MOST_ROLLING, thinned like `layer_histograms`; the newest one stays."""
        self.layer_histograms: list[LayerHistograms] = []
        """At most MOST_HISTOGRAMS, so that a long run takes little memory; old ones are thinned, evenly by the step."""
        self._sampled_curves: dict[tuple[str, int], Curve] = {}
        """Curves of layers and hardware by metric and GPU; outdated if there are more samples."""
        self.checkpoint: CheckpointSaved | None = None
        self.ended: RunEnded | None = None
        self.tests: list[RunEnded] = []
        """All evaluations on the test split, oldest first. Only the first one is of unseen images."""
        self.failed: RunFailed | None = None
        self.stopping = False
        """True if a user asked the run to stop after the current batch."""
        self.member_epochs = record.config.epochs if len(record.config.members) > 1 else None
        """Epochs of each ensemble member, which cannot change; None if there is one model."""
        self.epochs_planned = record.config.epochs_in_all
        self.early_stopping = record.config.early_stopping
        self.until = record.config.until
        self.on_end = record.config.on_end
        self.commands: list[CommandEnded] = []
        """Outcomes of the command `on_end`, oldest first."""
        self.max_learning_rate = record.config.learning_rate
        """Maximum of the learning-rate schedule."""
        self.data_changed_at: int | None = None
        """Last step on the data that the run was started with; None if they have not changed."""
        self.alert: AlertRaised | None = None
        """Newest alert that still applies; a roll back removes it."""
        self.alerts: list[AlertRaised] = []
        """All alerts, oldest first."""
        self.markers: list[CurveMarker] = []
        self.notes: deque[Note] = deque(maxlen=NOTED_EVENTS)
        self.phase_seconds: dict[Phase, float] = {}
        """Total duration of each finished phase, of the newest engine only."""
        self._steps: StepTable | None = None
        self._lost = 0.0
        """Seconds of pauses and downtime so far."""
        self._rejoined: float | None = None
        """After a resume, until the next step: the seconds worked at the step that training returned to."""

    @property
    def steps(self) -> "StepTable":
        """All steps; empty if they were skipped (`skip_step`)."""
        if self._steps is None:
            from mnist_tui.runs.steps import StepTable

            self._steps = StepTable()
        return self._steps

    def apply_all(self, events: Iterable[AnyEvent]) -> None:
        """Apply events, oldest first."""
        for kind, stretch in groupby(events, type):
            if kind is StepEnded:
                self._apply_steps(cast("list[StepEnded]", list(stretch)))
            else:
                for event in stretch:
                    self.apply(event)

    def apply(self, event: AnyEvent) -> None:
        """Apply one event."""
        if isinstance(event, StepEnded):
            self._apply_steps([event])
            return
        self.revision += 1
        self.first_time = event.time if self.first_time is None else self.first_time
        self.last_time = event.time
        if isinstance(event, HardwareSampled):
            self.hardware = event
            self.hardware_samples.append((self.last_step, event))
            device = self.started.hardware.device if self.started is not None else ""
            self.energy.add(event, self.images_until(self.last_step), device)
            return
        if isinstance(event, LayerStats):
            self.layer_stats.append(event)
            return
        if isinstance(event, LayerHistograms):
            self.layer_histograms.append(event)
            if len(self.layer_histograms) > MOST_HISTOGRAMS:
                self.layer_histograms = thinned(self.layer_histograms, MOST_HISTOGRAMS)
            return
        if isinstance(event, RollingEvaluated):
            self.rolling.append(event)
            if len(self.rolling) > MOST_ROLLING:
                self.rolling = thinned(self.rolling, MOST_ROLLING)
            return
        if isinstance(event, PhaseChanged):
            self._apply_phase(event)
            return
        if isinstance(event, RunStarted):
            self.started = event
        elif isinstance(event, EpochEnded):
            self.epochs.append(event)
            self.energy.end_epoch(event.time, event.epoch)
        elif isinstance(event, CheckpointSaved):
            self.checkpoint = event
        elif isinstance(event, AlertRaised):
            self.alert = event
            self.alerts.append(event)
            self.markers.append(CurveMarker(event.step, "alert", event.text))
        elif isinstance(event, SettingChanged):
            self._apply_setting(event)
        elif isinstance(event, RunResumed):
            self._rewind(event)
        elif isinstance(event, RunEnded):
            self.ended = event
            if event.test_accuracy is not None:
                self.tests.append(event)
            self._end_phase(event.time)
            self.energy.begin_phase(event.time, None)
        elif isinstance(event, RunFailed):
            self.failed = event
        elif isinstance(event, CommandEnded):
            self.commands.append(event)
        text = describe(event)
        if event in self.tests[1:]:
            text += f", {SEEN}"
        self.notes.append(Note(event.time, text, is_alarming(event)))

    def skip_step(self, event: StepEnded) -> None:
        """Note that training reached a step, without keeping its metrics: a summary has no use for them."""
        self.last_step, self.last_time = event.step, event.time

    def _apply_steps(self, events: Sequence[StepEnded]) -> None:
        first = events[0]
        self.revision += len(events)
        self.first_time = first.time if self.first_time is None else self.first_time
        self.last_step, self.last_time = events[-1].step, events[-1].time
        if self._rejoined is not None:
            speed = first.metrics.get("images_per_second")
            took = self.record.config.batch_size / speed if speed else 0.0
            self._lost, self._rejoined = first.time - self.record.created - self._rejoined - took, None
        self.steps.extend(events, self.record.created + self._lost)

    def _apply_phase(self, event: PhaseChanged) -> None:
        self._end_phase(event.time)
        if self.phase is Phase.PAUSED:
            self._lost += event.time - self.phase_since
            if self.alert is not None and self.alert.awaits_decision:
                self.alert = None  # a user decided
        if event.phase is Phase.TRAINING:
            self.training_starts.append(event.time)
        self.phase, self.phase_since = event.phase, event.time
        self.energy.begin_phase(event.time, event.phase)

    def _apply_setting(self, event: SettingChanged) -> None:
        if event.setting == "stop":
            self.stopping = True
        elif event.setting in STEERED_FIELDS:
            with contextlib.suppress(ConfigError):  # a damaged line
                value = SETTINGS_BY_KEY[event.setting].parse(event.value, NO_CATALOGUE)
                setattr(self, STEERED_FIELDS[event.setting], value)
        elif event.setting == "data":
            self.data_changed_at = event.step
        kind: Literal["pause", "setting"] = "pause" if event.setting in ("pause", "continue", "step") else "setting"
        self.markers.append(CurveMarker(event.step, kind, describe(event)))

    def _rewind(self, event: RunResumed) -> None:
        """Return to an earlier state: later steps and epochs no longer belong to the run."""
        worked = 0.0
        if self._steps is not None:
            self._steps.rewind(event.step)
            worked = float(self._steps.column("worked")[-1]) if self._steps.count else 0.0
        self.last_step = min(self.last_step, event.step)
        self.epochs = [epoch for epoch in self.epochs if epoch.epoch <= event.epoch]
        self.markers = [mark for mark in self.markers if mark.step <= event.step]
        self._sampled_curves.clear()
        self.layer_stats = [stats for stats in self.layer_stats if stats.step <= event.step]
        self.rolling = [rolling for rolling in self.rolling if rolling.step <= event.step]
        self.layer_histograms = [sampled for sampled in self.layer_histograms if sampled.step <= event.step]
        self.hardware_samples = [(step, sample) for step, sample in self.hardware_samples if step <= event.step]
        self.markers.append(CurveMarker(event.step, "resume", describe(event)))
        self.ended = self.failed = self.alert = None
        self.stopping = False
        if event.reason is not ResumeReason.ROLLED_BACK:
            self.phase, self.phase_since, self.phase_seconds = None, event.time, {}  # the engine starts again
        self._rejoined = worked
        self.energy.rewind(event.epoch, self.images_until(event.step))

    def _end_phase(self, now: float) -> None:
        if self.phase is not None:
            self.phase_seconds[self.phase] = self.phase_seconds.get(self.phase, 0.0) + now - self.phase_since

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of the run's images; MNIST's before the run has started."""
        return self.started.image_shape if self.started is not None else MNIST_SHAPE

    @property
    def best_epoch(self) -> EpochEnded | None:
        """Epoch whose weights are kept, of an ensemble the newest member's; None before the first ends."""
        return kept_epoch(self.epochs)

    @property
    def newest_validation(self) -> EpochEnded | RollingEvaluated | None:
        """The newest evaluation of the validation images, an epoch's or a rolling one; None before the first."""
        if self.rolling and (not self.epochs or self.rolling[-1].step > self.epochs[-1].step):
            return self.rolling[-1]
        return self.epochs[-1] if self.epochs else None

    @property
    def validation_count(self) -> int:
        """Number of validation images; 0 if unknown."""
        return self.started.validation_count if self.started is not None else 0

    @property
    def test_accuracies(self) -> list[float]:
        """Accuracies of all tests, oldest first."""
        return [test.test_accuracy for test in self.tests if test.test_accuracy is not None]

    @property
    def is_over(self) -> bool:
        """Return True if the run ended or failed."""
        return self.ended is not None or self.failed is not None

    @property
    def paused(self) -> bool:
        """Return True if training is paused."""
        return self.phase is Phase.PAUSED and not self.is_over

    def status(self, *, live: bool, responds: bool = True) -> Status:
        """Return the status of the run. `live`: it has a live engine, which may not respond."""
        if self.failed is not None:
            return Status.FAILED
        if self.ended is not None:
            return Status.FINISHED if self.ended.reason.is_finished else Status.STOPPED
        if not live:
            return Status.CRASHED
        if not responds:
            return Status.UNRESPONSIVE
        if self.paused:
            return Status.PAUSED
        return Status.TRAINING if self.last_step else Status.STARTING

    def worked(self, now: float) -> float:
        """Return the seconds since the run began, without pauses and downtime."""
        if self._rejoined is not None:
            return self._rejoined
        pause = now - self.phase_since if self.paused else 0.0
        return max(0.0, now - self.record.created - self._lost - pause)

    def recent(self, key: str) -> float:
        """Return the mean of a column over the finite values of the last RECENT_STEPS steps; NaN if there are none."""
        finite = [value for value in self.steps.column(key)[-RECENT_STEPS:].tolist() if math.isfinite(value)]
        return math.fsum(finite) / len(finite) if finite else math.nan

    def is_recorded(self, metric: Metric) -> bool:
        """Return True if the events carry any value of a metric."""
        if metric.source == "steps":
            stepped = self.steps.count > 0 and metric.key in self.steps
            return stepped or any(metric.key in epoch.validation for epoch in self.epochs)
        if metric.source == "layers":
            return any(getattr(stats, metric.key) is not None for stats in self.layer_stats[:5])
        return any(hardware_value(sample, metric.key) is not None for _, sample in self.hardware_samples[-5:])

    def curve(self, metric: Metric, gpu: int = 0) -> "Curve":
        """Return the unscaled values of a metric over the steps. `gpu` counts from 0, for a metric of a GPU."""
        import numpy as np

        from mnist_tui.runs.pyramid import MinMaxPyramid
        from mnist_tui.runs.steps import Curve

        if metric.source == "steps":
            table, rows = self.steps, slice(None if metric.key in self.steps else 0)
            return Curve(table.column("step")[rows], table.column(metric.key)[rows], table.pyramid(metric.key))
        samples = self.layer_stats if metric.source == "layers" else self.hardware_samples
        curve = self._sampled_curves.get((metric.key, gpu))
        if curve is None or len(curve.steps) != len(samples):
            pairs: list[tuple[int, float | None]]
            if metric.source == "layers":
                pairs = [(stats.step, getattr(stats, metric.key)) for stats in self.layer_stats]
            else:
                pairs = [(step, hardware_value(sample, metric.key, gpu)) for step, sample in self.hardware_samples]
            values, pyramid = np.array([value for _, value in pairs], dtype=float), MinMaxPyramid()
            pyramid.extend(values)
            curve = Curve(np.array([step for step, _ in pairs], dtype=float), values, pyramid)
            self._sampled_curves[metric.key, gpu] = curve
        return curve

    def worked_at(self, steps: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return the seconds worked when steps ended, shape (n,) -> (n,), interpolated between recorded steps."""
        return self._interpolated(steps, "worked")

    def elapsed_at(self, steps: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return the wall-clock seconds since the run began when steps ended; otherwise like `worked_at`."""
        return self._interpolated(steps, "time", self.record.created)

    def _interpolated(self, steps: "NDArray[np.float64]", key: str, origin: float = 0.0) -> "NDArray[np.float64]":
        import numpy as np

        table = self.steps
        if not table.count:
            return np.zeros_like(steps)
        return np.interp(steps, table.column("step"), table.column(key)) - origin

    def images_until(self, step: int) -> int:
        """Return the training images of all steps up to one; the last batch of an epoch may be smaller."""
        batch = self.record.config.batch_size
        if self.started is None or not self.started.steps_per_epoch:
            return step * batch
        epochs, rest = divmod(step, self.started.steps_per_epoch)
        return epochs * self.started.train_count + rest * batch

    def validation(self, key: str) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """Return the steps at which the epochs ended, and the validation values of a metric (NaN if not finite)."""
        import numpy as np

        values = [epoch.validation.get(key) for epoch in self.epochs]
        return np.array([epoch.step for epoch in self.epochs], dtype=float), np.array(values, dtype=float)


def hardware_value(sample: HardwareSampled, key: str, number: int = 0) -> float | None:
    """Return a field of a hardware sample, or of one of its GPUs if the key begins with `gpu_`."""
    if not key.startswith("gpu_"):
        value: float | None = getattr(sample, key)
        return value
    gpu = sample.gpus[number] if number < len(sample.gpus) else None
    return getattr(gpu, key.removeprefix("gpu_")) if gpu is not None else None

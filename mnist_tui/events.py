"""Events of a run, as frozen structs. event_lines.py writes and reads them as lines of JSON."""

import math
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from mnist_tui.image_layout import MAX_SIDE, MIN_SIDE, MNIST_SHAPE
from mnist_tui.untrusted import Count, Timestamp

Seconds = Annotated[float, msgspec.Meta(ge=-1e10, le=1e10)]
"""A duration; negative ones come from a clock that was set back."""
Joules = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
Side = Annotated[int, msgspec.Meta(ge=MIN_SIDE, le=MAX_SIDE)]
Exponent = Annotated[int, msgspec.Meta(ge=-99, le=99)]
MOST_BINS = 255
Cell = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Matrix = tuple[tuple[Cell, ...], ...]
"""Square matrix of counts."""


def _snake_case(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


def _check_matrix(matrix: Sequence[Sequence[int]]) -> None:
    if any(len(row) != len(matrix) for row in matrix):
        raise ValueError("the confusion matrix is not square")


class Phase(StrEnum):
    """Current activity of the engine. The first four are the start-up, in this order."""

    IMPORTING = "importing"
    LOADING = "loading"
    BUILDING = "building"
    COMPILING = "compiling"
    TRAINING = "training"
    PAUSED = "paused"
    VALIDATING = "validating"
    TESTING = "testing"


START_UP: dict[Phase, str] = {
    Phase.IMPORTING: "importing Keras",
    Phase.LOADING: "loading the data",
    Phase.BUILDING: "building the model",
    Phase.COMPILING: "compiling the first step",
}
"""Phases before the first step, in words."""


class EndReason(StrEnum):
    """Reason why a run ended without failing."""

    COMPLETED = "completed"
    EARLY = "ended early"
    """Early stopping: no better epoch within the patience."""
    TARGET = "target met"
    """A validation reached the value of the setting `until`."""
    STOPPED = "stopped"
    KILLED = "killed"
    """`stop --now`: the engine evaluated nothing after the request."""

    @property
    def is_finished(self) -> bool:
        """Return True if nothing of the plan is left: all epochs are trained, or a rule has ended them."""
        return self in (EndReason.COMPLETED, EndReason.EARLY, EndReason.TARGET)


class AlertKind(StrEnum):
    """Subject of an alert."""

    NOT_FINITE = "not finite"
    """The loss is NaN, infinite or diverging, so the weights are lost."""
    SPIKE = "spike"
    DEAD = "dead"
    """The accuracy stays at chance level."""
    OVERFITTING = "overfitting"
    PLATEAU = "plateau"
    IDLE_GPU = "idle gpu"
    """The machine has a GPU that the run does not use."""
    NOT_SAVED = "not saved"
    """A file could not be written."""
    RESTORED = "restored"
    """A file of the run was removed or changed by another program, and is written again."""


class ResumeReason(StrEnum):
    """Reason why a run goes on from an earlier state."""

    RESUMED = "resumed"
    """A new engine continues after a stop or a crash."""
    ROLLED_BACK = "rolled back"
    """The loss diverged: training returns to the last good checkpoint."""
    TRAINED_ON = "trained on"
    """The same engine trains past the planned end."""


class Layer(msgspec.Struct, frozen=True):
    """One layer of the model."""

    name: str
    kind: str
    """Keras class, such as Conv2D."""
    detail: str
    """Properties that distinguish it from other layers of its kind, such as '3×3 ReLU'."""
    output_shape: tuple[Count, ...]
    """Shape without the batch axis."""
    parameters: Count
    multiply_adds: Count
    """Multiply-adds of one image's forward pass; 0 if the layer has none."""


DEVICE_IS_CPU = re.compile(r"\bCPU\b")


class Hardware(msgspec.Struct, frozen=True):
    """Machine that the run trains on."""

    device: str
    cpu_count: Count
    memory_bytes: Count


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=_snake_case):
    """Base class of all events."""

    time: Timestamp
    """Seconds since 1970."""


class RunStarted(Event, frozen=True, kw_only=True):
    """The model is built and the data are split; the first step is next."""

    layers: tuple[Layer, ...]
    class_names: tuple[str, ...]
    train_count: Count
    validation_count: Count
    test_count: Count
    epochs: Count
    steps_per_epoch: Count
    hardware: Hardware
    label_smoothing: float = 0.0
    """Share of each target that the loss spreads over all classes."""
    image_shape: tuple[Side, Side, Annotated[int, msgspec.Meta(ge=1, le=3)]] = MNIST_SHAPE
    """Height, width and channels of an image; version 0.1 knew only MNIST's."""
    data_notes: tuple[str, ...] = ()
    """Sentences about what was recognised or converted when the data were read, such as 16-bit values."""


class PhaseChanged(Event, frozen=True, kw_only=True):
    """The engine began another activity."""

    phase: Phase


Metrics = dict[str, float | None]
"""Key of a metric (see metrics.py) -> its value, unscaled; None if it is not finite or does not apply."""


class StepEnded(Event, frozen=True, kw_only=True, gc=False):
    """A training step ended, or the last of several steps that ran as one execution (`steps_per_execution`).

    Steps count from 1 over all epochs. `metrics` holds the means over the steps since the event before.
    """

    step: Count
    epoch: Count
    metrics: Metrics


class EpochEnded(Event, frozen=True, kw_only=True):
    """An epoch was trained and validated. `confusion[t][p]` counts validation images of class t predicted as p."""

    epoch: Count
    step: Count
    train: Metrics
    """Means over the epoch's training images."""
    validation: Metrics
    confusion: Matrix
    """Empty in an imported run."""
    seconds: Seconds
    """Duration of the whole epoch, validation included."""
    validation_seconds: Seconds
    is_best: bool
    """True if no earlier epoch was better by the preset's checkpoint monitor."""
    complete: bool = True
    """False if the run was stopped in the middle of the epoch."""

    def __post_init__(self) -> None:
        _check_matrix(self.confusion)

    @property
    def validation_accuracy(self) -> float:
        """Validation accuracy, 0..1; NaN if the epoch has none."""
        accuracy = self.validation.get("accuracy")
        return math.nan if accuracy is None else accuracy


def kept_epoch(epochs: Sequence[EpochEnded]) -> EpochEnded | None:
    """Return the epoch whose weights are kept, of an ensemble the newest member's; None before the first."""
    return next((epoch for epoch in reversed(epochs) if epoch.is_best), None)


class RollingEvaluated(Event, frozen=True, kw_only=True):
    """A part of the validation images was predicted between two steps.

    The figures are of the newest prediction of each image that has one, so of weights of several steps.
    """

    step: Count
    """Step of the newest prediction."""
    first_step: Count
    """Step of the oldest prediction."""
    epoch: Count
    """Epoch in training, from 1."""
    count: Count
    """Images that have a prediction."""
    validation: Metrics
    confusion: Matrix
    """`confusion[t][p]` counts these images of class t predicted as p."""
    seconds: Seconds
    """Training time that rolling evaluation took since the event before."""
    loss_error: float | None = None
    """Standard error of the mean validation loss: the images' standard deviation over the root of their number."""

    def __post_init__(self) -> None:
        _check_matrix(self.confusion)


class GpuSample(msgspec.Struct, frozen=True):
    """One GPU at one time. None means that the driver does not report the value, which is not 0."""

    name: str
    """Name given by the driver, which marks a MIG device."""
    utilisation: float | None = None
    """Percent of the time in which a kernel ran."""
    memory_used: Count | None = None
    memory_total: Count | None = None
    """Bytes."""
    power: float | None = None
    """Watts."""
    temperature: float | None = None
    """Degrees Celsius."""
    clock: float | None = None
    """Clock of the multiprocessors in MHz."""
    is_used: bool = False
    """True if the engine may compute on it."""
    energy: Joules | None = None
    """Joules that the whole GPU used in the seconds of the sample, for all processes."""
    energy_is_estimated: bool = False
    """True if `energy` is power times seconds, since the driver has no energy counter."""


class HardwareSampled(Event, frozen=True, kw_only=True):
    """Machine load was sampled: CPU in percent (engine: of one core, machine: of all cores), memory in bytes."""

    engine_cpu: float
    engine_memory: Count
    machine_cpu: float
    machine_memory: Count
    gpus: tuple[GpuSample, ...] = ()
    gpu_note: str = ""
    """Reason why `gpus` is empty."""
    seconds: Seconds = 0.0
    """Seconds since the sample before, in which the energies were used."""
    cpu_energy: Joules | None = None
    """Joules that all CPU packages used, for all processes; None if they cannot be read."""
    cpu_energy_note: str = ""
    """Reason why `cpu_energy` is None."""

    @property
    def cpu_power(self) -> float | None:
        """Mean power of all CPU packages in watts."""
        return None if self.cpu_energy is None or self.seconds <= 0 else self.cpu_energy / self.seconds


class LayerStat(msgspec.Struct, frozen=True):
    """Statistics of one layer; None if they do not apply to it."""

    name: str
    weight_norm: float | None = None
    """Euclidean norm of the layer's trainable weights."""
    relative_step: float | None = None
    """Norm of the newest update divided by the norm of the weights."""
    gradient_norm: float | None = None
    """Gradient norm of the loss on the probe images, in inference mode."""
    dead_share: float | None = None
    """Share of ReLU units (channels of a convolution) that are 0 for every probe image, 0..1."""


class LayerStats(Event, frozen=True, kw_only=True):
    """Layer statistics were sampled."""

    step: Count
    gradient_norm: float | None
    """Gradient norm over all layers."""
    layers: tuple[LayerStat, ...]


class Histogram(msgspec.Struct, frozen=True):
    """Histogram of numbers by their sign and size.

    The middle bin has the numbers nearer to 0 than `10**low`. On either side of it, the bins share the sizes up to
    `10**high` evenly by the logarithm; the outermost one also has all larger numbers.
    """

    low: Exponent
    high: Exponent
    levels: bytes
    """One byte a bin, from the most negative to the most positive: 255 times the square root of the bin's share."""

    def __post_init__(self) -> None:
        if self.low >= self.high or not 3 <= len(self.levels) <= MOST_BINS or len(self.levels) % 2 == 0:
            raise ValueError("the histogram has an impossible range or number of bins")


class LayerHistogram(msgspec.Struct, frozen=True):
    """Histograms of one layer; None if they do not apply to it."""

    name: str
    weights: Histogram | None = None
    gradients: Histogram | None = None
    """Gradients of the loss on the probe images, in inference mode."""
    activations: Histogram | None = None
    """Outputs for the probe images."""


class LayerHistograms(Event, frozen=True, kw_only=True):
    """Histograms of the layers were sampled, at most once in 1/200 of the steps so far."""

    step: Count
    layers: tuple[LayerHistogram, ...]


class CheckpointSaved(Event, frozen=True, kw_only=True):
    """A checkpoint or model.keras was written and renamed into place."""

    path: str
    """Relative to the run directory."""
    epoch: Count
    step: Count
    seconds: Seconds = 0.0
    """Time that training waited for it."""


class AlertRaised(Event, frozen=True, kw_only=True):
    """The guard found a problem, described in one sentence."""

    kind: AlertKind
    text: str
    step: Count
    epoch: Count
    awaits_decision: bool = False
    """True if training is paused until a user rolls back, continues or stops."""


class SettingChanged(Event, frozen=True, kw_only=True):
    """A user steered the run."""

    setting: str
    """Setting of the run (epochs, learning_rate, early_stopping), or a command (pause, stop, ...)."""
    value: str
    by: str
    step: Count = 0
    """Last step before the change took effect."""


class RunResumed(Event, frozen=True, kw_only=True):
    """The run goes on from an earlier state; later steps no longer belong to it."""

    reason: ResumeReason
    step: Count
    """Last step that still counts."""
    epoch: Count
    """Number of epochs that are complete and still count."""
    by: str


class RunEnded(Event, frozen=True, kw_only=True):
    """The run ended without failing. The test results are those of the best epoch's weights; None if not tested."""

    reason: EndReason
    best_epoch: Count | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    test_confusion: Matrix | None = None
    seconds: Seconds = 0.0
    """Time that all engines of the run worked."""
    unsaved: tuple[str, ...] = ()
    """Files, relative to the run directory, that the engine could not write."""

    def __post_init__(self) -> None:
        if self.test_confusion is not None:
            _check_matrix(self.test_confusion)


class RunFailed(Event, frozen=True, kw_only=True):
    """The run failed; `error` is one sentence, the traceback is in engine.log."""

    error: str


class Occasion(StrEnum):
    """Reason to tell the user about a run, and to run the command `on_end`."""

    ENDED = "ended"
    FAILED = "failed"
    DIVERGED = "diverged"
    """The loss diverged, and training waits for a decision."""
    STALLED = "stalled"
    """No step came for ten times the usual time."""
    CRASHED = "crashed"
    """The engine is gone without a last event."""


class CommandEnded(Event, frozen=True, kw_only=True):
    """The command `on_end` ran. The watcher writes it (control/watcher.py), not the engine."""

    occasion: Occasion
    text: str
    """The program and its outcome, in one line."""
    succeeded: bool


OtherEvent = (
    RunStarted
    | PhaseChanged
    | RollingEvaluated
    | HardwareSampled
    | LayerStats
    | LayerHistograms
    | CheckpointSaved
    | AlertRaised
    | SettingChanged
    | RunResumed
    | RunEnded
    | RunFailed
    | CommandEnded
)
"""Events that version 0.1 wrote as they are now, or did not have."""
AnyEvent = StepEnded | EpochEnded | OtherEvent

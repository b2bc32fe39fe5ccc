"""The vocabulary spoken between the engine and everything else: one frozen struct an event, one JSON line each.

Readers skip events and fields that they do not know, so that a run written by another version still opens. JSON has no
NaN: a number that was not finite is written as null and read back as None.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec


def _snake_case(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


class Phase(StrEnum):
    """What the engine is busy with. The first four are the start-up, in this order."""

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
    Phase.LOADING: "reading the digits",
    Phase.BUILDING: "building the network",
    Phase.COMPILING: "compiling the first step",
}
"""What is being waited for before the first step, in words."""


class EndReason(StrEnum):
    """Why a run ended in good order."""

    COMPLETED = "completed"
    EARLY = "ended early"
    """No better epoch within the patience of early stopping."""
    STOPPED = "stopped"
    KILLED = "killed"
    """Ended at once by `stop --now`: nothing evaluated after the request."""


class AlertKind(StrEnum):
    """What an alert is about."""

    NOT_FINITE = "not finite"
    """The loss is NaN, infinite or on its way there: the weights are lost."""
    SPIKE = "spike"
    DEAD = "dead"
    """Accuracy at chance for long."""
    OVERFITTING = "overfitting"
    PLATEAU = "plateau"
    IDLE_GPU = "idle gpu"
    """There is one that is not trained on."""
    NOT_SAVED = "not saved"
    """A file could not be written."""


class ResumeReason(StrEnum):
    """Why a run goes on from an earlier state."""

    RESUMED = "resumed"
    """By a new engine, after a stop or a crash."""
    ROLLED_BACK = "rolled back"
    """To the last good checkpoint, after the loss diverged."""
    TRAINED_ON = "trained on"
    """After its planned end, by the engine that was still there."""


class Layer(msgspec.Struct, frozen=True):
    """One layer of the network. `multiply_adds` is the cost of one digit's forward pass; 0 where there is none."""

    name: str
    kind: str
    """The Keras class, as in Conv2D."""
    detail: str
    """What tells it from others of its kind, as in '3×3 ReLU'."""
    output_shape: tuple[int, ...]
    """Without the batch axis."""
    parameters: int
    multiply_adds: int


class Hardware(msgspec.Struct, frozen=True):
    """What the run computes on."""

    device: str
    cpu_count: int
    memory_bytes: int


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=_snake_case):
    """Base of all events."""

    time: float
    """Seconds since the epoch."""


class RunStarted(Event, frozen=True, kw_only=True):
    """The network stands and the data are split; the first step is next."""

    layers: tuple[Layer, ...]
    class_names: tuple[str, ...]
    train_count: int
    validation_count: int
    test_count: int
    epochs: int
    steps_per_epoch: int
    hardware: Hardware


class PhaseChanged(Event, frozen=True, kw_only=True):
    """The engine turned to something else."""

    phase: Phase


class StepEnded(Event, frozen=True, kw_only=True):
    """A batch was trained on, or several at once, of which this is the last: their own loss and accuracy (0..1).

    Steps count from 1 over all epochs; those since the event before were taken together, and the figures are their
    means (`steps_per_execution`).
    """

    step: int
    epoch: int
    loss: float | None
    accuracy: float | None
    learning_rate: float
    images_per_second: float


class EpochEnded(Event, frozen=True, kw_only=True):
    """One pass over the training digits is done, and the validation digits have been read.

    Train metrics are means over the epoch's steps. `confusion[t][p]` counts validation digits of class t read as p.
    """

    epoch: int
    step: int
    train_loss: float | None
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float
    confusion: tuple[tuple[int, ...], ...]
    seconds: float
    """The whole epoch, validation included."""
    validation_seconds: float
    is_best: bool
    """Whether no earlier epoch had a higher validation accuracy, or a lower loss where the recipe goes by that."""
    complete: bool = True
    """Whether all batches were trained on; False after a stop in the middle of the epoch."""


def kept_epoch(epochs: Sequence[EpochEnded]) -> EpochEnded | None:
    """Of a run's epochs the one whose network is kept, of an ensemble the newest network's; None before the first."""
    return next((epoch for epoch in reversed(epochs) if epoch.is_best), None)


class GpuSample(msgspec.Struct, frozen=True):
    """One GPU at a moment. None is what the driver does not tell (N/A), which is not 0."""

    name: str
    """As the driver calls it; a MIG device says so."""
    utilisation: float | None = None
    """Percent of the time that something ran on it."""
    memory_used: int | None = None
    memory_total: int | None = None
    """Bytes."""
    power: float | None = None
    """Watts."""
    temperature: float | None = None
    """Degrees Celsius."""
    clock: float | None = None
    """Of the multiprocessors, in MHz."""


class HardwareSampled(Event, frozen=True, kw_only=True):
    """CPU in percent (engine: of one core; machine: of all), memory in bytes."""

    engine_cpu: float
    engine_memory: int
    machine_cpu: float
    machine_memory: int
    gpus: tuple[GpuSample, ...] = ()
    gpu_note: str = ""
    """Why there are none, in words."""


class LayerStat(msgspec.Struct, frozen=True):
    """One layer at a moment; None where there is no such thing."""

    name: str
    weight_norm: float | None = None
    """Euclidean, over all trained weights of the layer."""
    relative_step: float | None = None
    """Norm of the newest step over that of the weights."""
    gradient_norm: float | None = None
    """Of the loss on the probe digits, in inference mode."""
    dead_share: float | None = None
    """Of ReLU units (channels of a convolution) that answer none of the probe digits, 0..1."""


class LayerStats(Event, frozen=True, kw_only=True):
    """How the layers do, sampled."""

    step: int
    gradient_norm: float | None
    """Over all layers."""
    layers: tuple[LayerStat, ...]


class CheckpointSaved(Event, frozen=True, kw_only=True):
    """A file that the run can be continued or used from was written and renamed into place."""

    path: str
    """Relative to the run directory."""
    epoch: int
    step: int
    seconds: float = 0.0
    """What writing it cost the training."""


class AlertRaised(Event, frozen=True, kw_only=True):
    """Something that a person should know, in a sentence."""

    kind: AlertKind
    text: str
    step: int
    epoch: int
    awaits_decision: bool = False
    """Whether training stands still until somebody says: roll back, go on, or stop."""


class SettingChanged(Event, frozen=True, kw_only=True):
    """Somebody steered the run."""

    setting: str
    """A setting of the run (epochs, learning_rate, early_stopping), or what was asked for (pause, stop, ...)."""
    value: str
    by: str
    step: int = 0
    """The last step before it took effect."""


class RunResumed(Event, frozen=True, kw_only=True):
    """The run goes on from an earlier state: what was recorded after it no longer belongs to the run."""

    reason: ResumeReason
    step: int
    """The last step that counts."""
    epoch: int
    """Epochs that are done and count."""
    by: str


class RunEnded(Event, frozen=True, kw_only=True):
    """The run is over in good order. Test figures are of the best validation epoch's weights; None if not tested."""

    reason: EndReason
    best_epoch: int | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    test_confusion: tuple[tuple[int, ...], ...] | None = None
    seconds: float = 0.0
    """That the engine worked, over all its lives."""
    unsaved: tuple[str, ...] = ()
    """Files, relative to the run directory, that could not be written."""


class RunFailed(Event, frozen=True, kw_only=True):
    """The run could not go on; `error` is a sentence, the traceback is in engine.log."""

    error: str


AnyEvent = (
    RunStarted
    | PhaseChanged
    | StepEnded
    | EpochEnded
    | HardwareSampled
    | LayerStats
    | CheckpointSaved
    | AlertRaised
    | SettingChanged
    | RunResumed
    | RunEnded
    | RunFailed
)
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """One event as a line of JSON, newline included."""
    return _encoder.encode(event) + b"\n"


def decode(line: bytes) -> AnyEvent | None:
    """The event on a line; None for one that this version does not know or cannot read."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):  # an unknown type, a missing field, rubbish
        return None


def decode_lines(data: bytes) -> tuple[list[AnyEvent], int]:
    """The events on whole lines, oldest first, and how many lines `decode` knows nothing of; empty lines are none."""
    count = data.count(b"\n")
    if data[:1] == b"{" and data.count(b"}\n{") == count - 1:  # then no newline is within a value
        try:
            events = _decoder.decode_lines(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        else:
            if len(events) == count:  # no two on one line either
                return events, 0
    found = [decode(line) for line in data.split(b"\n") if line]
    known = [event for event in found if event is not None]
    return known, len(found) - len(known)

"""The vocabulary spoken between the engine and everything else: one frozen struct an event, one JSON line each.

Readers skip events and fields that they do not know, so that a run written by another version still opens. JSON has no
NaN: a number that was not finite is written as null and read back as None.
"""

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
    VALIDATING = "validating"
    TESTING = "testing"


class EndReason(StrEnum):
    """Why a run ended in good order."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    KILLED = "killed"
    """Ended at once by `stop --now`: nothing evaluated after the request."""


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
    """One batch was trained on: its own loss and accuracy (0..1), not running means.

    Steps count from 1 over all epochs.
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
    """Whether no earlier epoch had a higher validation accuracy."""


class HardwareSampled(Event, frozen=True, kw_only=True):
    """CPU in percent (engine: of one core; machine: of all), memory in bytes."""

    engine_cpu: float
    engine_memory: int
    machine_cpu: float
    machine_memory: int


class CheckpointSaved(Event, frozen=True, kw_only=True):
    """A file that the run can be continued or used from was written and renamed into place."""

    path: str
    """Relative to the run directory."""
    epoch: int
    step: int


class SettingChanged(Event, frozen=True, kw_only=True):
    """Somebody steered the run."""

    setting: str
    value: str
    by: str


class RunEnded(Event, frozen=True, kw_only=True):
    """The run is over in good order. Test figures are of the best validation epoch's weights; None if not tested."""

    reason: EndReason
    best_epoch: int | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    test_confusion: tuple[tuple[int, ...], ...] | None = None
    seconds: float = 0.0
    """From the engine's start to here."""


class RunFailed(Event, frozen=True, kw_only=True):
    """The run could not go on; `error` is a sentence, the traceback is in engine.log."""

    error: str


AnyEvent = (
    RunStarted
    | PhaseChanged
    | StepEnded
    | EpochEnded
    | HardwareSampled
    | CheckpointSaved
    | SettingChanged
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

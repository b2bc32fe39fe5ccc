"""Events as lines of JSON, one each, in an event log.

Readers skip events and fields that they do not know, so a run written by another version still opens. JSON has no NaN:
a number that is not finite is written as null and read back as None.
"""

import contextlib

import msgspec

from mnist_tui.events import AnyEvent, EpochEnded, Event, Matrix, Metrics, OtherEvent, Seconds, StepEnded
from mnist_tui.untrusted import Count, Timestamp, is_plain_json, sanitized

UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""Errors that decoding a damaged line raises."""


class _FlatStepEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="step_ended"):
    """StepEnded as version 0.1 wrote it, with a field for each metric."""

    time: Timestamp
    step: Count
    epoch: Count
    loss: float | None
    accuracy: float | None
    learning_rate: float
    images_per_second: float

    def upgrade(self) -> StepEnded:
        metrics: Metrics = {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "learning_rate": self.learning_rate,
            "images_per_second": self.images_per_second,
        }
        return StepEnded(time=self.time, step=self.step, epoch=self.epoch, metrics=metrics)


class _FlatEpochEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="epoch_ended"):
    """EpochEnded as version 0.1 wrote it, with a field for each metric."""

    time: Timestamp
    epoch: Count
    step: Count
    train_loss: float | None
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float
    confusion: Matrix
    seconds: Seconds
    validation_seconds: Seconds
    is_best: bool
    complete: bool = True

    def upgrade(self) -> EpochEnded:
        fields = msgspec.structs.asdict(self)
        train = {"loss": fields.pop("train_loss"), "accuracy": fields.pop("train_accuracy")}
        validation = {"loss": fields.pop("validation_loss"), "accuracy": fields.pop("validation_accuracy")}
        return EpochEnded(**fields, train=train, validation=validation)


_FlatEvent = _FlatStepEnded | _FlatEpochEnded | OtherEvent
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_flat_decoder: msgspec.json.Decoder[_FlatEvent] = msgspec.json.Decoder(_FlatEvent)


def _upgraded(event: _FlatEvent) -> AnyEvent:
    return event.upgrade() if isinstance(event, _FlatStepEnded | _FlatEpochEnded) else event


def encode(event: Event) -> bytes:
    """Return the event as a line of JSON that ends with a newline."""
    return _encoder.encode(event) + b"\n"


def decode(line: bytes) -> AnyEvent | None:
    """Return the event on a line, with its texts sanitised; None if this version cannot read it."""
    try:
        if not is_plain_json(line):
            line = msgspec.json.encode(sanitized(msgspec.json.decode(line)))
        with contextlib.suppress(*UNREADABLE):
            return _decoder.decode(line)
        return _upgraded(_flat_decoder.decode(line))
    except UNREADABLE:
        return None


def _decode_all(data: bytes) -> list[AnyEvent]:
    """Return all events, or none if a single one cannot be read. A million lines take half a second this way."""
    with contextlib.suppress(*UNREADABLE):
        return _decoder.decode_lines(data)
    with contextlib.suppress(*UNREADABLE):
        return [_upgraded(event) for event in _flat_decoder.decode_lines(data)]
    return []


def decode_lines(data: bytes) -> tuple[list[AnyEvent], int]:
    """Return the events on whole lines, oldest first, and the number of lines that could not be read.

    Empty lines count as neither.
    """
    count = data.count(b"\n")
    if data[:1] == b"{" and data.count(b"}\n{") == count - 1 and is_plain_json(data):  # no value contains a newline
        events = _decode_all(data)
        if len(events) == count:  # otherwise two events share a line
            return events, 0
    found = [decode(line) for line in data.split(b"\n") if line]
    known = [event for event in found if event is not None]
    return known, len(found) - len(known)

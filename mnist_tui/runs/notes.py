"""Notes: events in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mnist_tui.events import (
    AlertRaised,
    AnyEvent,
    CheckpointSaved,
    CommandEnded,
    EndReason,
    EpochEnded,
    RunEnded,
    RunFailed,
    RunResumed,
    RunStarted,
    SettingChanged,
)

SEEN = "no longer unseen"
"""Property of the test images once a result on them is known and the run trains on."""


@dataclass(frozen=True)
class Note:
    """An event in words."""

    time: float
    text: str
    alert: bool = False


@dataclass(frozen=True)
class CurveMarker:
    """Something to mark on the curves, at the step after which it happened."""

    step: int
    kind: Literal["alert", "setting", "pause", "resume"]
    text: str


def is_alarming(event: AnyEvent) -> bool:
    """Return True if an event is a problem."""
    return isinstance(event, AlertRaised | RunFailed) or (isinstance(event, CommandEnded) and not event.succeeded)


def rolling_words(count: int, total: int, first_step: int, step: int) -> str:
    """Return what a rolling evaluation is of, such as "rolling, 1,500 of 5,000 images, steps 120 to 210"."""
    steps = f"steps {first_step:,} to {step:,}" if first_step < step else f"step {step:,}"
    return f"rolling, {count:,} of {total:,} images, {steps}"


def describe(event: AnyEvent) -> str:
    """Return one line about an event."""
    match event:
        case RunStarted():
            notes = "".join(f"; {note}" for note in event.data_notes)
            return f"{len(event.layers)} layers on {event.hardware.device}{notes}"
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
        case RunEnded():
            reason = "ended, target met" if event.reason is EndReason.TARGET else event.reason
            accuracy = event.test_accuracy
            return f"run {reason}, not tested" if accuracy is None else f"run {reason}: test {accuracy * 100:.2f} %"
        case RunFailed():
            return f"run failed: {event.error}"
        case CommandEnded():
            return f"on end ({event.occasion}): {event.text}"
        case _:
            return type(event).__name__


def describe_tests(tests: Sequence[RunEnded]) -> str:
    """Return the result of the first test, and that of the newest one if there are several."""
    words = [f"{(test.test_accuracy or 0.0) * 100:.2f} % accuracy, epoch {test.best_epoch}" for test in tests]
    return words[0] if len(tests) == 1 else f"{words[0]}; again {words[-1]}, {SEEN}"

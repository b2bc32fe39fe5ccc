"""How long a run took and how fast it trained, from its events alone."""

from collections.abc import Sequence
from typing import NamedTuple

from mnist_tui.events import (
    START_UP,
    AnyEvent,
    EpochEnded,
    Phase,
    PhaseChanged,
    RunEnded,
    RunFailed,
    RunResumed,
    RunStarted,
    SettingChanged,
    StepEnded,
)

MOST_SLICES = 10


class TimedStep(NamedTuple):
    """A timed step, or several taken at once: when it began (seconds since the epoch), what it took, and its digits."""

    began: float
    seconds: float
    digits: int
    steps: int = 1
    """How many these are."""


class Timing:
    """Takes a run's events in their order. `created` is when its process was started, in seconds since the epoch.

    Start-up ends with the first step, which compiles it. A later step lasts from the end of the one before, or from the
    beginning of its epoch: what recording costs in between counts, validation does not.
    """

    def __init__(self, created: float, batch_size: int) -> None:
        self.created = created
        self.batch_size = batch_size
        self.phase: Phase | None = None
        self.started: RunStarted | None = None
        self.first_step: float | None = None
        """When it ended, in seconds since the epoch."""
        self.step = 0
        """Steps that are done."""
        self.timed: list[TimedStep] = []
        """All steps but the first."""
        self.epochs: list[EpochEnded] = []
        self.epochs_planned = 0
        self.ended: RunEnded | None = None
        self.failed: RunFailed | None = None
        self._mark: float | None = None
        """When the step under way began; None while nothing is trained."""

    def take(self, event: AnyEvent) -> None:
        """Take in one event."""
        match event:
            case PhaseChanged():
                self.phase = event.phase
                self._mark = event.time if event.phase is Phase.TRAINING else None
            case RunStarted():
                self.started, self.epochs_planned = event, event.epochs
            case SettingChanged(setting="epochs") if event.value.isdecimal():
                self.epochs_planned = int(event.value)
            case StepEnded():
                self._take_step(event)
            case RunResumed():  # after a roll back
                self.step, self._mark = event.step, None
            case EpochEnded():
                self.epochs.append(event)
            case RunEnded():
                self.ended = event
            case RunFailed():
                self.failed = event
            case _:
                pass

    @property
    def waits_for(self) -> str:
        """What the first step waits for, in words; empty once it is done."""
        return "" if self.first_step is not None else START_UP.get(self.phase or Phase.IMPORTING, "")

    @property
    def steps_planned(self) -> int:
        """In all epochs together; 0 while that is not known."""
        return self.epochs_planned * self.started.steps_per_epoch if self.started is not None else 0

    @property
    def start_up_seconds(self) -> float | None:
        """From the process's beginning to the end of the first step: imports, data, network, compilation."""
        return None if self.first_step is None else self.first_step - self.created

    @property
    def training_seconds(self) -> float | None:
        """From the end of the first step to the end of the last epoch, its validation included."""
        if self.first_step is None or not self.epochs:
            return None
        return self.epochs[-1].time - self.first_step

    @property
    def test_seconds(self) -> float | None:
        """From the end of the last epoch to the end of the run."""
        return self.ended.time - self.epochs[-1].time if self.ended is not None and self.epochs else None

    @property
    def validation_accuracy(self) -> float | None:
        """Of the best epoch, 0..1."""
        return max((epoch.validation_accuracy for epoch in self.epochs), default=None)

    def warm(self, warm_up: float) -> list[TimedStep]:
        """The steps that began `warm_up` seconds or more after the end of the first one."""
        since = self.created if self.first_step is None else self.first_step + warm_up
        return [step for step in self.timed if step.began >= since]

    def _take_step(self, event: StepEnded) -> None:
        if self.first_step is None:
            self.first_step = event.time
        elif self._mark is not None:
            digits = self._digits_until(event.step) - self._digits_until(self.step)
            self.timed.append(TimedStep(self._mark, event.time - self._mark, digits, event.step - self.step))
        self.step, self._mark = event.step, event.time

    def _digits_until(self, step: int) -> int:
        """Digits in all steps up to one: the last batch of an epoch has what is left."""
        if self.started is None:
            return step * self.batch_size
        epochs, rest = divmod(step, self.started.steps_per_epoch)
        return epochs * self.started.train_count + rest * self.batch_size


def seconds_of(steps: Sequence[TimedStep]) -> float:
    """What steps took together."""
    return sum(step.seconds for step in steps)


def rates(steps: Sequence[TimedStep], most: int = MOST_SLICES) -> list[float]:
    """Digits a second in each of at most `most` slices of about equal length, cut between steps."""
    total, passed = seconds_of(steps), 0.0
    found = list[float]()
    seconds, digits = 0.0, 0
    for step in steps:
        seconds, digits, passed = seconds + step.seconds, digits + step.digits, passed + step.seconds
        if seconds > 0 and passed >= total * (len(found) + 1) / most - 1e-9:
            found.append(digits / seconds)
            seconds, digits = 0.0, 0
    return found

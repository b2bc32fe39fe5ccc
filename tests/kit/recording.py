"""The recorded real run in tests/fixtures: three epochs of `fast` on all of MNIST, whole or replayed.

run = recorded_run()                       # finished, in the home that MNIST_TUI_HOME names
replay = Replay()                          # or replayed as far as a test wants
replay.to_step(1_200)
with FakeEngine(replay.run): ...           # live: training; without an engine it is a crashed run
"""

import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mnist_tui.event_lines import decode, encode
from mnist_tui.events import (
    AnyEvent,
    EndReason,
    EpochEnded,
    Event,
    Phase,
    PhaseChanged,
    ResumeReason,
    RunEnded,
    RunResumed,
    StepEnded,
)
from mnist_tui.runs.directory import RunDirectory, RunRecord, home

RECORDING = RunDirectory(Path(__file__).parent.parent / "fixtures" / "brave-otter")
ID = "20261123-221418"


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def record() -> RunRecord:
    """Return the record of the recorded run, whose id is that of the folder that it was recorded in."""
    return msgspec.structs.replace(RECORDING.record(), id=ID)


def finishing_time() -> float:
    """Return the time at which the recorded run ended, in seconds since the epoch."""
    *_, last = _lines()
    return float(json.loads(last)["time"])


def recorded_run() -> RunDirectory:
    """Return a finished copy of the recorded run in the home of runs."""
    run = RunDirectory(home() / record().id)
    shutil.copytree(RECORDING.path, run.path)
    return run


def retested_run() -> RunDirectory:
    """Return the recorded run, trained on and tested again with an accuracy of 99.71 %."""
    run, now = recorded_run(), finishing_time() + 60
    resumed = RunResumed(time=now, reason=ResumeReason.TRAINED_ON, step=2_580, epoch=3, by="ada")
    ended = RunEnded(time=now, reason=EndReason.COMPLETED, best_epoch=4, test_loss=0.5, test_accuracy=0.9971)
    with run.events_path.open("ab") as events:
        events.write(encode(resumed) + encode(ended))
    return run


class Replay:
    """The recorded run, replayed event by event. Its clock shows the time of the newest event."""

    def __init__(self) -> None:
        self.run = RunDirectory(home() / record().id)
        self.run.path.mkdir(parents=True)
        shutil.copy(RECORDING.config_path, self.run.config_path)
        shutil.copytree(RECORDING.digits_path("validation").parent, self.run.digits_path("validation").parent)
        self.run.events_path.touch()
        self.clock = Clock(record().created)
        self._lines = _lines()

    def to_step(self, number: int) -> None:
        """Replay until a step has ended."""
        self._replay(lambda event: isinstance(event, StepEnded) and event.step == number)

    def to_phase(self, phase: Phase) -> None:
        """Replay until a phase begins."""
        self._replay(lambda event: isinstance(event, PhaseChanged) and event.phase is phase)

    def to_the_end(self) -> None:
        """Replay all remaining events."""
        self._replay(lambda event: False)  # noqa: ARG005

    def write(self, event: Event) -> None:
        """Append an event that was not recorded."""
        self.clock.now = event.time
        with self.run.events_path.open("ab") as events:
            events.write(encode(event))

    def _replay(self, reached: Callable[[AnyEvent], bool]) -> None:
        with self.run.events_path.open("ab") as events:
            for line in self._lines:
                event = decode(line)
                assert event is not None
                if isinstance(event, EpochEnded):  # before the event, as the engine does
                    self._copy_predictions(event.epoch)
                events.write(line)
                self.clock.now = event.time
                if reached(event):
                    return

    def _copy_predictions(self, epoch: int) -> None:
        path = self.run.predictions_path(epoch)
        path.parent.mkdir(exist_ok=True)
        shutil.copy(RECORDING.predictions_path(epoch), path)


@contextmanager
def time_zone(name: str) -> Iterator[None]:
    """Set the time zone of this process."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def _lines() -> Iterator[bytes]:
    with RECORDING.events_path.open("rb") as lines:
        yield from itertools.takewhile(lambda line: line.endswith(b"\n"), lines)

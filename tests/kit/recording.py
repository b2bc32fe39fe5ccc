"""The recorded real run in tests/fixtures (three epochs of `fast` on all of MNIST), opened whole or happening again.

run = recorded_run()                       # finished, in the home that MNIST_TUI_HOME names
replay = Replay()                          # or as far as a test lets it come
replay.to_step(1_200)
with FakeEngine(replay.run): ...           # alive: training; without an engine it is a crashed run
"""

import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_tui.events import AnyEvent, EpochEnded, Event, Phase, PhaseChanged, StepEnded, decode, encode
from mnist_tui.runs.directory import RunDirectory, RunRecord, home

RECORDING = RunDirectory(Path(__file__).parent.parent / "fixtures" / "brave-otter")


class Clock:
    """A time of day that stands still until a test moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def record() -> RunRecord:
    """The recording's settings."""
    return RECORDING.record()


def finishing_time() -> float:
    """When the recorded run ended."""
    last = list(_lines())[-1]
    return float(json.loads(last)["time"])


def recorded_run() -> RunDirectory:
    """A copy of the recorded run under the home of runs, finished."""
    run = RunDirectory(home() / record().id)
    shutil.copytree(RECORDING.path, run.path)
    return run


class Replay:
    """The recorded run again, event by event, with a clock that shows the time of the newest."""

    def __init__(self) -> None:
        self.run = RunDirectory(home() / record().id)
        self.run.path.mkdir(parents=True)
        shutil.copy(RECORDING.config_path, self.run.config_path)
        shutil.copytree(RECORDING.digits_path("validation").parent, self.run.digits_path("validation").parent)
        self.run.events_path.touch()
        self.clock = Clock(record().created)
        self._lines = _lines()

    def to_step(self, number: int) -> None:
        """Go on until a step has ended."""
        self._go_on(lambda event: isinstance(event, StepEnded) and event.step == number)

    def to_phase(self, phase: Phase) -> None:
        """Go on until the engine turns to something."""
        self._go_on(lambda event: isinstance(event, PhaseChanged) and event.phase is phase)

    def to_the_end(self) -> None:
        """Play all that is left."""
        self._go_on(lambda event: False)  # noqa: ARG005

    def write(self, event: Event) -> None:
        """Let something else happen than was recorded."""
        self.clock.now = event.time
        with self.run.events_path.open("ab") as events:
            events.write(encode(event))

    def _go_on(self, arrived: Callable[[AnyEvent], bool]) -> None:
        with self.run.events_path.open("ab") as events:
            for line in self._lines:
                event = decode(line)
                assert event is not None
                if isinstance(event, EpochEnded):  # the engine, too, saves them before it says so
                    self._copy_predictions(event.epoch)
                events.write(line)
                self.clock.now = event.time
                if arrived(event):
                    return

    def _copy_predictions(self, epoch: int) -> None:
        path = self.run.predictions_path(epoch)
        path.parent.mkdir(exist_ok=True)
        shutil.copy(RECORDING.predictions_path(epoch), path)


@contextmanager
def time_zone(name: str) -> Iterator[None]:
    """Let this process live in another time zone."""
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

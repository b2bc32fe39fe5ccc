"""A real run is steered, stopped and resumed from the command line alone."""

import json
import subprocess
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_tui.events import (
    AnyEvent,
    CheckpointSaved,
    EndReason,
    Phase,
    PhaseChanged,
    RunEnded,
    RunResumed,
    SettingChanged,
    StepEnded,
)
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from tests.e2e.conftest import PATIENCE

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def call(program: list[str], env: dict[str, str]) -> Call:
    """Run a command to its end without a terminal."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*program, *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    return run


class Watched:
    """A run's events up to the one that was waited for last, and what they add up to."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.events: list[AnyEvent] = []
        self.history = History(run.record())
        self._follower = LogFollower(run.events_path)
        self._unread: deque[AnyEvent] = deque()

    def wait_for(self, enough: Callable[[AnyEvent], bool]) -> AnyEvent:
        """The next event that is `enough`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self._unread.extend(self._follower.read())
            while self._unread:
                event = self._unread.popleft()
                self.events.append(event)
                self.history.apply(event)
                if enough(event):
                    return event
            assert time.monotonic() < deadline, f"waited in vain; the newest events: {self.events[-5:]}"
            time.sleep(0.01)

    def wait_for_phase(self, phase: Phase) -> None:
        self.wait_for(lambda event: isinstance(event, PhaseChanged) and event.phase is phase)

    @property
    def steps(self) -> int:
        return self.history.steps.count

    def settings(self) -> list[tuple[str, str]]:
        """What was steered so far; all of it by the command line."""
        changes = [event for event in self.events if isinstance(event, SettingChanged)]
        assert all("command line" in change.by for change in changes)
        return [(change.setting, change.value) for change in changes]


def shown(call: Call) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(call("show", "last", "--json").stdout)
    return document


def test_a_run_is_steered_stopped_and_resumed_from_the_command_line(call: Call, home: Path) -> None:
    run_id = call("train", "--detach", "--limit", "600", "--epochs", "500", "--learning-rate", "0.004").stdout.strip()
    watched = Watched(RunDirectory(home / run_id))

    def do(*arguments: str) -> str:
        """A command that is carried out; what it says after the run's id."""
        command, *rest = arguments
        done = call(command, "last", *rest)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.removeprefix(f"run {run_id} ").removesuffix("\n")

    def refused(*arguments: str) -> str:
        command, *rest = arguments
        done = call(command, "last", *rest)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        return done.stderr

    watched.wait_for(lambda event: isinstance(event, StepEnded))
    assert "the run is not paused" in refused("continue")
    assert "is training, so there is nothing to resume" in refused("resume")

    assert do("pause") == "pauses after this batch"
    watched.wait_for_phase(Phase.PAUSED)
    before = watched.steps
    assert shown(call)["status"] == "paused"
    assert do("step", "2") == "trains 2 batches and pauses"
    watched.wait_for(lambda event: isinstance(event, StepEnded) and event.step == before + 2)
    watched.wait_for_phase(Phase.PAUSED)
    assert watched.steps == before + 2

    assert do("set", "--learning-rate", "/2") == "divides its learning rate by 2"
    assert do("set", "--epochs", "+1") == "trains 1 epoch more"
    assert do("set", "--epochs", "-2") == "trains 2 epochs fewer"
    assert do("checkpoint") == "saves a checkpoint after this batch"
    saved = watched.wait_for(lambda event: isinstance(event, CheckpointSaved) and event.step == before + 2)
    assert isinstance(saved, CheckpointSaved)
    assert (watched.run.path / saved.path).exists()
    assert (watched.history.epochs_planned, watched.history.max_learning_rate) == (499, 0.002)

    assert do("continue") == "goes on"
    watched.wait_for(lambda event: isinstance(event, StepEnded) and event.step > before + 2)
    assert do("stop") == "ends after this batch"
    ended = watched.wait_for(lambda event: isinstance(event, RunEnded))
    assert isinstance(ended, RunEnded)
    assert (ended.reason, ended.unsaved) == (EndReason.STOPPED, ())
    assert ended.test_accuracy is not None
    assert watched.settings() == [
        ("pause", "after this batch"),
        ("step", "2"),
        ("learning_rate", "0.002"),
        ("epochs", "501"),
        ("epochs", "499"),
        ("checkpoint", "now"),
        ("continue", "training"),
        ("stop", "after this batch"),
    ]

    assert watched.history.started is not None
    planned = watched.steps // watched.history.started.steps_per_epoch + 2
    resumed = call("resume", "last", "--epochs", str(planned))
    assert resumed.returncode == 0, resumed.stderr
    assert f"resumed at step {watched.steps:,}, epoch " in resumed.stdout
    assert resumed.stdout.splitlines()[-1] == f"model: {watched.run.model_path}"

    stopped_at = watched.steps
    ended = watched.wait_for(lambda event: isinstance(event, RunEnded))
    assert isinstance(ended, RunEnded)
    assert ended.reason is EndReason.COMPLETED
    assert [event.step for event in watched.events if isinstance(event, RunResumed)] == [stopped_at]
    assert watched.history.steps.column("step").tolist() == list(range(1, watched.steps + 1))
    assert watched.steps == planned * watched.history.started.steps_per_epoch
    assert watched.history.max_learning_rate == 0.002
    after = shown(call)
    assert (after["status"], after["epochs_done"], after["epochs_planned"]) == ("finished", planned, planned)
    assert "give --epochs N to train on" in refused("resume")
    assert "has no live engine" in refused("pause")

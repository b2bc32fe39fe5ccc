"""Runs that stand still at a step: however busy the machine is, none ends before a test has acted."""

import time

from mnist_tui.control import client
from mnist_tui.control.protocol import Continue, Pause, Step
from mnist_tui.events import Phase, PhaseChanged
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.summary import summarize
from tests.engine.conftest import PATIENCE_SECONDS

ME = "a test"


def hold_at(run: RunDirectory, step: int = 1) -> None:
    """Let a run that begins, or goes on, stand still as soon as so many steps are done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (endpoint := run.endpoint()) is None or endpoint.socket is None:
        assert time.monotonic() < deadline, run.log_path.read_text()[-2000:]
        time.sleep(0.01)
    _ask_and_wait_for_the_pause(run, Pause(by=ME))
    while summarize(run).steps_done < step:
        _ask_and_wait_for_the_pause(run, Step(by=ME))


def go_on(run: RunDirectory) -> None:
    """Let it train again."""
    client.send(run, Continue(by=ME), PATIENCE_SECONDS)


def _ask_and_wait_for_the_pause(run: RunDirectory, request: Pause | Step) -> None:
    before, deadline = _pauses(run), time.monotonic() + PATIENCE_SECONDS
    client.send(run, request, PATIENCE_SECONDS)
    while _pauses(run) == before:
        assert time.monotonic() < deadline, run.log_path.read_text()[-2000:]
        time.sleep(0.01)


def _pauses(run: RunDirectory) -> int:
    events = LogFollower(run.events_path).read()
    return sum(isinstance(event, PhaseChanged) and event.phase is Phase.PAUSED for event in events)

"""Runs that are paused at a step, so that they do not end before a test has acted."""

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
    """Pause a run that starts or resumes once `step` steps are done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (endpoint := run.endpoint()) is None or endpoint.socket is None:
        assert time.monotonic() < deadline, run.log_path.read_text()[-2000:]
        time.sleep(0.01)
    _send_and_wait_for_pause(run, Pause(by=ME))
    while summarize(run).steps_done < step:
        _send_and_wait_for_pause(run, Step(by=ME))


def go_on(run: RunDirectory) -> None:
    """Continue a paused run."""
    client.send(run, Continue(by=ME), PATIENCE_SECONDS)


def _send_and_wait_for_pause(run: RunDirectory, request: Pause | Step) -> None:
    before, deadline = _pauses(run), time.monotonic() + PATIENCE_SECONDS
    client.send(run, request, PATIENCE_SECONDS)
    while _pauses(run) == before:
        assert time.monotonic() < deadline, run.log_path.read_text()[-2000:]
        time.sleep(0.01)


def _pauses(run: RunDirectory) -> int:
    events = LogFollower(run.events_path).read()
    return sum(isinstance(event, PhaseChanged) and event.phase is Phase.PAUSED for event in events)

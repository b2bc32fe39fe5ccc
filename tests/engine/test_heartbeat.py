"""The engine's heartbeat and its save error in the lock file, without an engine."""

import os
import time

import pytest

from mnist_tui.engine.service import heartbeat
from mnist_tui.engine.service.heartbeat import MAX_ERROR_LENGTH, Heartbeat
from mnist_tui.runs.directory import RunDirectory, create_run
from tests.kit import samples

PATIENCE_SECONDS = 10.0


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.01)
    return create_run(samples.config())


def wait_for_error(run: RunDirectory, error: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while run.save_error() != error:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_save_error_stays_after_the_exit(run: RunDirectory) -> None:
    lock, errors = run.lock.acquire(), [""]
    beat = Heartbeat(run, lock, "/tmp/x", lambda: errors[0])
    endpoint = run.endpoint()
    assert endpoint is not None
    assert (endpoint.socket, endpoint.save_error) == ("/tmp/x", "")
    errors[0] = 'not saved: \udcff"' + "ü" * 1_000  # a path may hold anything
    shown = ('not saved: ?"' + "ü" * 1_000)[:MAX_ERROR_LENGTH]
    wait_for_error(run, shown)
    errors[0] = ""
    wait_for_error(run, "")
    errors[0] = "not saved: model.keras"
    beat.end()
    os.close(lock)
    assert not run.is_live()
    assert run.save_error() == "not saved: model.keras"


def test_nothing_stays_if_all_is_saved(run: RunDirectory) -> None:
    lock = run.lock.acquire()
    Heartbeat(run, lock, None, lambda: "").end()
    os.close(lock)
    assert run.save_error() == ""

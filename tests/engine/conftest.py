"""Fixtures that start real engines on a few real images."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.events import AnyEvent
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from mnist_tui.runs.log import LogFollower
from tests.e2e.conftest import kill_engine

PATIENCE_SECONDS = 240
"""Timeout. A start takes 10 to 20 s on two busy cores."""

Start = Callable[..., RunDirectory]


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start runs with settings given as keywords. Kill their engines at the end of the test."""
    with engines(home) as starter:
        yield starter


@contextmanager
def engines(home: Path) -> Iterator[Start]:
    """Start runs below a home folder, as `start` does, for a fixture that several tests share."""
    started: list[RunDirectory] = []

    def starter(**settings: object) -> RunDirectory:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(HOME_VARIABLE, str(home))
            run = launch(catalogue().complete({key: str(value) for key, value in settings.items()}))
        started.append(run)
        return run

    yield starter
    for run in started:
        kill_engine(run)


def events_until(run: RunDirectory, enough: Callable[[AnyEvent], bool] | None = None) -> list[AnyEvent]:
    """Return the run's events up to the first that is `enough`; without one, until the engine has exited."""
    follower, events = LogFollower(run.events_path), list[AnyEvent]()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        live = run.is_live()
        for event in follower.read():
            events.append(event)
            if enough is not None and enough(event):
                return events
        if not live:
            break
        time.sleep(0.05)
    assert enough is None, f"the event did not come; engine.log:\n{run.log_path.read_text()[-2000:]}"
    assert not run.is_live(), "the engine does not exit"
    return events

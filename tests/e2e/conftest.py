"""The real program with a home of its own, and no engine left behind."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Where the program under test keeps its runs. When the test is over, every engine below it is killed."""
    path = tmp_path / "home"
    path.mkdir()
    yield path
    for config in path.glob("*/config.json"):
        kill_engine(RunDirectory(config.parent))


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    """The environment of the program under test, on top of which a test may put its own."""
    return os.environ | {HOME_VARIABLE: str(home), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def program() -> list[str]:
    """The command line that starts the program, to be followed by its arguments."""
    return [sys.executable, "-m", "mnist_tui"]


def kill_engine(run: RunDirectory) -> None:
    """End the engine of a run at once, and return when it is gone. One that starts up tells its pid soon."""
    deadline = time.monotonic() + PATIENCE
    killed = None
    while run.is_live():
        endpoint = run.endpoint()
        if endpoint is not None and endpoint.pid != killed:
            os.kill(endpoint.pid, signal.SIGKILL)
            killed = endpoint.pid
        assert time.monotonic() < deadline, f"the engine of {run.path} cannot be ended"
        time.sleep(0.01)

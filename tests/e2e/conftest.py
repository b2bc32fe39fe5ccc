"""The real program with a home of its own. No engine outlives its test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0
"""Seconds until a wait fails."""
Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Folder for the runs of the program under test. Kills the runs' engines at the end."""
    path = tmp_path / "home"
    path.mkdir()
    yield path
    for config in path.glob("*/config.json"):
        kill_engine(RunDirectory(config.parent))


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    """Environment of the program under test."""
    return os.environ | {HOME_VARIABLE: str(home), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def program() -> list[str]:
    """Command line that starts the program, without arguments."""
    return [sys.executable, "-m", "mnist_tui"]


@pytest.fixture
def call(program: list[str], env: dict[str, str]) -> Call:
    """Run a command to its end without a terminal."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*program, *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    return run


def only_run(home: Path) -> RunDirectory:
    """Return the only run below a home."""
    (config,) = home.glob("*/config.json")
    return RunDirectory(config.parent)


def kill_engine(run: RunDirectory) -> None:
    """Kill the engine of a run and wait until it is gone. An engine that is starting up writes its pid soon."""
    deadline = time.monotonic() + PATIENCE
    killed = None
    while run.is_live():
        endpoint = run.endpoint()
        if endpoint is not None and endpoint.pid != killed:
            os.kill(endpoint.pid, signal.SIGKILL)
            killed = endpoint.pid
        assert time.monotonic() < deadline, f"the engine of {run.path} cannot be ended"
        time.sleep(0.01)

"""Fixtures of the fault tests. Run with -s to see the figures."""

import os
import random
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnist_tui.runs.directory import HOME_VARIABLE
from tests.e2e.conftest import env, home, program
from tests.faults.disks import SmallDisk, Unmountable
from tests.faults.engine import Engine

__all__ = ["env", "home", "program"]
SEED_VARIABLE = "MNIST_TUI_FAULT_SEED"

Rounds = Callable[..., int]
StartEngine = Callable[..., Engine]


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> Rounds:
    """Return the number of repetitions: `rounds(short=3, full=25)` returns 25 with --full."""

    def choose(*, short: int, full: int) -> int:
        return full if pytestconfig.getoption("--full") else short

    return choose


@pytest.fixture
def chance() -> random.Random:
    """Random numbers. To repeat them, set MNIST_TUI_FAULT_SEED to the printed seed."""
    seed = int(os.environ.get(SEED_VARIABLE) or secrets.randbelow(1_000_000))
    print(f"\n{SEED_VARIABLE}={seed}")
    return random.Random(seed)


@pytest.fixture
def start_engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartEngine]:
    """Start engines with settings given as keywords, below `home` or another folder. Kill them at the end."""
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    engines: list[Engine] = []

    def start(folder: Path | None = None, **settings: object) -> Engine:
        if folder is not None:
            monkeypatch.setenv(HOME_VARIABLE, str(folder))
        engines.append(Engine(**settings))
        return engines[-1]

    yield start
    for engine in engines:
        engine.end()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Disk of a few megabytes that can be filled. Skip the test if none can be mounted."""
    try:
        disk = SmallDisk(tmp_path / "disk")
    except Unmountable as error:
        pytest.skip(f"only root can mount a small disk ({error})")
    yield disk
    disk.close()

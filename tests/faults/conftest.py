"""What all fault tests share: how many rounds, the dice, and a home of their own. Run with -s to see the figures."""

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
    """`rounds(short=3, full=25)`: how often to do something, the second with --full."""

    def choose(*, short: int, full: int) -> int:
        return full if pytestconfig.getoption("--full") else short

    return choose


@pytest.fixture
def chance() -> random.Random:
    """The dice. They fall alike again with the printed seed in MNIST_TUI_FAULT_SEED (the processes' speed does not)."""
    seed = int(os.environ.get(SEED_VARIABLE) or secrets.randbelow(1_000_000))
    print(f"\n{SEED_VARIABLE}={seed}")
    return random.Random(seed)


@pytest.fixture
def start_engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartEngine]:
    """Start engines with settings given as keywords, below `home` or another folder; all are killed at the end."""
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
    """A disk of a few megabytes that can be filled up; skips where none can be mounted."""
    try:
        disk = SmallDisk(tmp_path / "disk")
    except Unmountable as error:
        pytest.skip(f"no small disk can be mounted, only root can ({error})")
    yield disk
    disk.close()

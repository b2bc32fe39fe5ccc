"""Shared by all tests: a home of their own, no animations, and the command-line switches."""

import gc
import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_tui.control import spawning
from mnist_tui.control.warm import SWITCH
from mnist_tui.runs.directory import HOME_VARIABLE
from tests.kit import forked
from tests.kit.fork_server import keep_mnist

TESTS = Path(__file__).parent
WAITING = ("e2e", "faults", "engine", "control")
"""Folders of tests that wait for other processes more than they compute, the longest tests first."""
COMPUTING = "ui"

gc.disable()  # until the tests are collected, which keeps all that it makes
os.environ["TEXTUAL_ANIMATIONS"] = "none"  # read when Textual is imported
os.environ[SWITCH] = "off"  # no warm engine for each home screen
for size in ("COLUMNS", "LINES"):  # set by readline, which pytest imports; they would hide a terminal's own size
    os.environ.pop(size, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden screens instead of comparing")
    parser.addoption("--full", action="store_true", help="run every fault test as often as tests/README.md promises")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="only with --full"))
    if hasattr(config, "workerinput"):  # one of several test processes
        sort_for_many_processes(items)


def sort_for_many_processes(items: list[pytest.Item]) -> None:
    """Put files of tests that wait and that compute in turn, which keeps all cores busy; then the quick ones."""

    def numbered(*folders: str) -> Iterator[tuple[int, Path]]:
        files = [item.path for folder in folders for item in items if TESTS / folder in item.path.parents]
        return enumerate(dict.fromkeys(files))

    turns = {path: 2 * number for number, path in numbered(*WAITING)}
    turns |= {path: 2 * number + 1 for number, path in numbered(COMPUTING)}
    items.sort(key=lambda item: turns.get(item.path, math.inf))


def pytest_collection_finish() -> None:
    """Search for garbage more rarely, and never in what is there before the first test: it took a quarter of all time.

    The apps of tests are the garbage, so that each search went through thousands of tests for one or two apps.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder for the test's runs, which does not exist yet."""
    path = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))  # where platformdirs looks for preferences
    return path


@pytest.fixture(autouse=True, scope="session")
def quick_jax(tmp_path_factory: pytest.TempPathFactory, worker_id: str, pytestconfig: pytest.Config) -> None:
    """Compile each JAX program once for all engines that the tests start, and without LLVM's optimization."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder if worker_id == "master" else folder.parent
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(shared / "jax")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    if not pytestconfig.getoption("--full"):
        os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


@pytest.fixture(autouse=True, scope="session")
def _quick_engines() -> None:
    """Fork engines from a process that has imported Keras already, and load MNIST once."""
    spawning.spawn = forked.spawn
    keep_mnist()


@pytest.fixture(autouse=True)
def _fresh_engines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the engines of a test marked `fresh_engines`, and all with --full, as users do."""
    if request.node.get_closest_marker("fresh_engines") or request.config.getoption("--full"):
        monkeypatch.setattr(spawning, "spawn", forked.spawn_fresh)

"""The warm engine: what fits, when it is replaced, and that it ends with the process that started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mnist_tui.config import RunConfig
from mnist_tui.control import client, memory, spawning, warm
from mnist_tui.control.warm import SWITCH, Spare, WarmEngine
from mnist_tui.runs.directory import create_run
from tests.kit import samples

PATIENCE_SECONDS = 60
KEEPER = """
import sys, time
from mnist_tui.control.warm import spare
from tests.kit import samples
spare.keep(samples.config())
print(spare._engine.process.pid, flush=True)
time.sleep(600)
"""


class FakeProcess:
    """A process that a test ends."""

    status: int | None = None

    def poll(self) -> int | None:
        return self.status


class FakeEngine(WarmEngine):
    """A warm engine without a process."""

    made: list["FakeEngine"]

    def __init__(self, backend: str, device: str) -> None:
        self.backend, self.device, self.prepared = backend, device, None
        self._environment, self._stamp = dict(os.environ), warm._stamp()
        self.process = FakeProcess()  # type: ignore[assignment]
        self.has_ended = False
        self.made.append(self)

    def prepare(self, config: RunConfig) -> None:
        self.prepared = config

    def end(self) -> None:
        self.has_ended = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[FakeEngine]:
    """The engines that are started in this test, none of them real."""
    monkeypatch.setenv(SWITCH, "on")
    FakeEngine.made = []
    monkeypatch.setattr(warm, "WarmEngine", FakeEngine)
    return FakeEngine.made


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple["subprocess.Popen[str]", psutil.Process]]:
    """A process with a warm engine, and that engine."""
    monkeypatch.setenv(SWITCH, "on")
    with subprocess.Popen([sys.executable, "-c", KEEPER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, psutil.Process(int(process.stdout.readline()))
        process.kill()


def test_one_engine_is_kept_while_it_fits(made: list[FakeEngine]) -> None:
    spare, config = Spare(), samples.config()
    spare.keep(config)
    spare.prepare(config)
    spare.keep(samples.config(name="another"))
    (only,) = made
    assert only.prepared == config
    assert not only.has_ended


@pytest.mark.parametrize(
    ("changes", "is_replaced"),
    [({"device": "cpu"}, True), ({"backend": "jax"}, True), ({"epochs": 7}, False), ({"preset": "mlp"}, False)],
    ids=["device", "backend", "epochs", "preset"],
)
def test_imports_fit_all_runs_on_the_same_backend_and_device(
    changes: dict[str, object], is_replaced: bool, made: list[FakeEngine]
) -> None:
    spare = Spare()
    spare.keep(samples.config())
    spare.keep(samples.config(**changes))
    assert made[0].has_ended is is_replaced
    assert len(made) == 1 + is_replaced


def test_a_prepared_engine_is_replaced_once_the_settings_change(made: list[FakeEngine]) -> None:
    spare = Spare()
    spare.keep(samples.config())
    spare.prepare(samples.config())
    spare.keep(samples.config(epochs=7))
    assert made[0].has_ended
    assert made[1].prepared is None


def test_the_code_and_the_reviews_of_a_user_are_not_prepared(made: list[FakeEngine]) -> None:
    spare = Spare()
    for config in (samples.config(model="/cnn.py:build"), samples.config(labels="reviewed")):
        spare.keep(config)
        spare.prepare(config)
    assert [engine.prepared for engine in made] == [None]


def test_an_engine_that_ended_by_itself_is_not_started_again(made: list[FakeEngine]) -> None:
    spare = Spare()
    spare.keep(samples.config())
    made[0].process.status = 1  # type: ignore[attr-defined]
    spare.keep(samples.config())
    assert len(made) == 1
    spare.keep(samples.config(backend="jax"))
    assert len(made) == 2


@pytest.mark.parametrize("change", ["environment", "upgrade"])
def test_a_run_that_a_new_process_would_begin_otherwise_gets_a_new_process(
    change: str, made: list[FakeEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = Spare()
    spare.keep(samples.config())
    if change == "environment":
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    else:
        monkeypatch.setattr(warm, "_stamp", lambda: (1,))
    with Path(os.devnull).open("wb") as log:
        assert spare.begin(samples.config(), (), log, 0) is None
    spare.keep(samples.config())
    assert [engine.has_ended for engine in made] == [True, False]


@pytest.mark.parametrize("switch", ["0", "off"])
def test_it_can_be_switched_off(switch: str, made: list[FakeEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, switch)
    Spare().keep(samples.config())
    assert made == []
    assert SWITCH in warm.is_off(os.environ)


def test_a_machine_with_little_memory_has_none(
    made: list[FakeEngine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warm.is_off(os.environ) == ""
    (tmp_path / "memory.max").write_text("4000000000\n")
    (tmp_path / "memory.current").write_text("2500000000\n")
    (tmp_path / "memory.stat").write_text("anon 1500000000\ninactive_file 1000000000\nactive_file 0\n")
    assert memory.free_memory(tmp_path) == 2_500_000_000
    monkeypatch.setattr(warm, "free_memory", lambda: memory.free_memory(tmp_path))
    Spare().keep(samples.config())
    assert made == []
    assert "2.5 GB" in warm.is_off(os.environ)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("moment", ["starting", "importing"])
def test_it_ends_with_the_process_that_started_it(
    moment: str, number: signal.Signals, keeper: tuple["subprocess.Popen[str]", psutil.Process]
) -> None:
    process, engine = keeper
    if moment == "importing":
        wait_until(lambda: not engine.cmdline()[-1])  # its command line has no room for another one
    process.send_signal(number)
    process.wait()
    wait_until(lambda: has_ended(engine))


def has_ended(process: psutil.Process) -> bool:
    """Return True if a process has ended; nothing may collect what it leaves if its parent has ended as well."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("end", ["killed", "broken"])
def test_a_run_begins_on_a_new_process_if_the_warm_one_has_ended(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "on")
    run, spare = create_run(samples.config()), Spare()
    if end == "broken":  # as if TensorFlow could not be imported
        monkeypatch.setattr(warm, "MODULE", "mnist_tui.engine.no_such_module")
    spare.keep(samples.config())
    assert spare._engine is not None
    if end == "killed":
        spare._engine.process.kill()
    started: list[str] = []
    monkeypatch.setattr(client, "spare", spare)
    monkeypatch.setattr(spawning, "spawn", lambda module, *_, **__: started.append(module))
    client._start_engine(run)
    assert started == ["mnist_tui.engine"]
    assert run.is_live() is False

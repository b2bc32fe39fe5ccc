"""Queues whose runner and engines are killed, and whose disk fills up: no run is lost or started twice.

Without --full, most engines are stand-ins (queue_stand_in.py).
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_tui.cli.queue_runner import launch_entry, resume
from mnist_tui.control import queue_runner
from mnist_tui.control.queue_runner import Runner, start_runner
from mnist_tui.runs.directory import HOME_VARIABLE, list_runs
from mnist_tui.runs.queue import Queue
from mnist_tui.runs.queue_entry import State
from mnist_tui.runs.summary import summarize
from tests.faults import audit, queue_stand_in
from tests.faults.conftest import Rounds
from tests.faults.disks import SmallDisk
from tests.faults.engine import wait_until

pytestmark = pytest.mark.timeout(3_600)

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def queue(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    queue = Queue()
    yield queue
    kill(runner_of(queue))
    for pid in engines():
        kill(pid)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_runner, "MODULE", queue_stand_in.MODULE)


def kill(pid: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def runner_of(queue: Queue) -> int:
    """Return the process of the runner, 0 without one."""
    runner = queue.state().runner
    return runner.endpoint.pid if runner is not None else 0


def engines() -> list[int]:
    found = [run.engine() for run in list_runs()]
    return [engine.endpoint.pid for engine in found if engine is not None and engine.endpoint.pid]


def add(queue: Queue, count: int, **settings: str) -> None:
    queue.add({**settings, "seed": str(seed)} for seed in range(count))
    start_runner(queue)


def wait_for_the_end(queue: Queue, patience: float) -> None:
    def is_over() -> bool:
        if queue.state().needs_runner:
            start_runner(queue)  # as any command and the home screen do
        return all(entry.state.is_over for entry in queue.read().entries)

    wait_until(is_over, f"for the end of the queue:\n{queue.read()}\n{log_of(queue)}", patience)


def log_of(queue: Queue) -> str:
    return queue.log_path.read_text(errors="replace")[-2000:] if queue.log_path.exists() else ""


def check(queue: Queue, count: int, engine_kills: int) -> None:
    """Check that every entry has one run, which ended as the entry says, and that only killed ones are not finished."""
    entries = queue.read().entries
    assert sorted(entry.number for entry in entries) == list(range(1, count + 1))
    assert queue.read().troubles == ()
    started = Counter(run.record().queued for run in list_runs())
    assert started == Counter(entry.key for entry in entries), "a run was lost or started twice"
    for entry in entries:
        assert entry.directory is not None
        assert str(summarize(entry.directory).status) == str(entry.state), entry
        audit.events_of(entry.directory) if entry.state is State.FINISHED else None
    crashed = [entry for entry in entries if entry.state is not State.FINISHED]
    assert all(entry.state is State.CRASHED for entry in crashed), crashed
    assert len(crashed) <= engine_kills


def kill_at_random(queue: Queue, chance: random.Random, times: int, pause: float) -> int:
    """Kill the runner, an engine or both at random points; return how many engines were killed."""
    killed = 0
    for _ in range(times):
        time.sleep(chance.uniform(0.0, pause))
        targets = chance.choice([("runner",), ("engine",), ("runner", "engine"), ("engine", "runner")])
        for target in targets:
            if target == "runner":
                kill(runner_of(queue))
            for pid in engines() if target == "engine" else ():
                kill(pid)
                killed += 1
        if chance.random() < 0.7 and queue.state().needs_runner:
            start_runner(queue)
    return killed


@pytest.mark.usefixtures("stand_ins")
def test_no_run_is_lost_or_started_twice_when_runner_and_engines_are_killed(
    queue: Queue, chance: random.Random, rounds: Rounds
) -> None:
    kills = rounds(short=2, full=20)
    count = 2 * kills
    add(queue, count)
    killed = kill_at_random(queue, chance, kills, pause=0.8)
    wait_for_the_end(queue, patience=120)
    check(queue, count, killed)


@pytest.mark.full
def test_a_real_queue_is_killed_at_20_points(queue: Queue, chance: random.Random) -> None:
    add(queue, 8, preset="mlp", epochs="1", limit="1200")
    killed = kill_at_random(queue, chance, times=20, pause=8.0)
    wait_for_the_end(queue, patience=900)
    check(queue, 8, killed)


@pytest.mark.full
def test_of_ten_real_runs_three_are_killed_and_seven_finish(queue: Queue, chance: random.Random) -> None:
    add(queue, 10, preset="fast", limit="6000")
    for victim in sorted(chance.sample(range(1, 11), 3)):
        wait_until(lambda number=victim: number in running(queue) and engines(), f"for entry {victim}")  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 4.0))
        if victim in running(queue):
            for pid in engines():
                kill(pid)
    wait_for_the_end(queue, patience=900)
    states = Counter(entry.state for entry in queue.read().entries)
    assert states[State.FINISHED] >= 7
    assert states[State.FINISHED] + states[State.CRASHED] == 10


def running(queue: Queue) -> list[int]:
    return [entry.number for entry in queue.state().running]


@pytest.mark.full
def test_the_runner_starts_real_engines(queue: Queue) -> None:
    queue.add([{"preset": "mlp", "epochs": "1", "limit": "120", "test": "off"}])
    runner = Runner(queue, launch_entry, resume, lambda _: None, gpus=0)
    wait_until(lambda: not runner.round(), "for the end of the queue")
    check(queue, 1, 0)


def test_the_process_of_the_runner_ends_once_nothing_waits(queue: Queue, tmp_path: Path) -> None:
    add(queue, 2, data=str(tmp_path / "gone.npz"))
    wait_until(lambda: queue.state().runner is None, "for the end of the runner")
    entries = queue.read().entries
    assert [entry.state for entry in entries] == [State.FAILED] * 2, log_of(queue)
    assert all("data" in entry.error for entry in entries)


@pytest.mark.usefixtures("stand_ins")
def test_of_runners_that_start_together_one_stays(queue: Queue) -> None:
    queue.pause()
    queue.add([{"seed": "0"}])
    lock = queue.lock.acquire()
    start_runner(queue)
    assert runner_of(queue) == 0, "another process holds the lock"
    os.close(lock)


@pytest.mark.usefixtures("stand_ins")
def test_a_full_disk_is_waited_for(small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(small_disk.path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    queue = Queue()
    queue.add({"seed": str(seed)} for seed in range(3))
    os.close(queue.lock.acquire())  # its content has its room from now on
    small_disk.fill()
    start_runner(queue)
    wait_until(lambda: queue.state().hindrance, "for the reason why no run starts")
    assert "free some space" in queue.state().hindrance
    assert [entry.state for entry in queue.read().entries] == [State.WAITING] * 3
    small_disk.empty()
    wait_for_the_end(queue, patience=60)
    check(queue, 3, 0)

"""Runs whose disk fills up, or whose files are removed, while they train."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mnist_tui.control.protocol import Stop
from mnist_tui.engine.__main__ import Engine
from mnist_tui.engine.recording import checkpoints, retrying_writer
from mnist_tui.engine.service import steering
from mnist_tui.events import AlertKind, AlertRaised, AnyEvent, EndReason, RunEnded, RunFailed, StepEnded
from mnist_tui.runs import replacing
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.log import EventLog
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.engine import in_process
from tests.engine.conftest import PATIENCE_SECONDS

SETTINGS = {"preset": "mlp", "limit": 180, "epochs": 2, "batch_size": 17, "seed": 5}
"""10 steps an epoch."""
LAST_STEP = 20
LAST_CHECKPOINT = f"checkpoints/step-{LAST_STEP:09d}.npz"
WRITTEN = {
    "config.json",
    "model.keras",
    "digits/validation.npz",
    "digits/test.npz",
    "predictions/epoch-0001.npz",
    "predictions/epoch-0002.npz",
    "predictions/test.npz",
    LAST_CHECKPOINT,
}

AtStep = Callable[[Engine], object]


class Disk:
    """Disk of all runs, which a test fills and empties."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._is_full = threading.Event()
        for place, name in ((replacing, "replaceable"), (EventLog, "_write")):
            monkeypatch.setattr(place, name, self._refusing(getattr(place, name)))

    def _refusing(self, write: Callable[..., object]) -> Callable[..., object]:
        def refuse_if_full(*arguments: object) -> object:
            if self._is_full.is_set():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(*arguments)

        return refuse_if_full

    def fill(self) -> None:
        self._is_full.set()

    def empty(self) -> None:
        self._is_full.clear()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(retrying_writer, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(checkpoints, "LOOK_SECONDS", 0.0)


def at_step(number: int, act: AtStep) -> tuple[in_process.OnEvent, list[Engine]]:
    """Return a function that calls `act` after a step, and a list that it adds the engine to."""
    engines: list[Engine] = []

    def on_event(engine: Engine, event: AnyEvent) -> None:
        if isinstance(event, StepEnded) and event.step == number and not engines:
            engines.append(engine)
            act(engine)

    return on_event, engines


def delete(folder: Path) -> None:
    """Delete a folder that another thread writes to."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def once_it_waits(engines: list[Engine], act: AtStep) -> Iterator[None]:
    """Call `act` in another thread once the engine waits for the disk. Fail if it never does."""
    acted = threading.Event()

    def watch() -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not acted.is_set():
            if engines and "but not all is saved" in engines[0].save_error:
                acted.set()
                act(engines[0])
            time.sleep(0.001)

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    thread.join()
    assert acted.is_set()


def files_of(run: RunDirectory) -> set[str]:
    return {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}


def steps_of(events: list[AnyEvent]) -> list[int]:
    return [event.step for event in events if isinstance(event, StepEnded)]


def stop(engine: Engine) -> None:
    engine.handle(Stop(by="a test"))


def test_a_stopped_run_waits_until_a_full_disk_has_room(disk: Disk) -> None:
    def fill_and_stop(engine: Engine) -> None:
        disk.fill()
        stop(engine)

    run, (on_event, engines) = in_process.new_run(**SETTINGS), at_step(15, fill_and_stop)
    with once_it_waits(engines, lambda _: disk.empty()):
        events = in_process.train(run, on_event)
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.reason is EndReason.STOPPED
    assert ended.test_accuracy is not None
    assert ended.unsaved == ()
    assert engines[0].status == 0
    assert steps_of(events) == list(range(1, 16))
    checkpoint = checkpoints.read(run)
    assert checkpoint is not None
    assert checkpoint.state.step == 15
    assert files_of(run) >= WRITTEN - {LAST_CHECKPOINT}


def test_a_stop_ends_the_waiting_and_the_run_resumes_later(disk: Disk) -> None:
    run, (on_event, engines) = in_process.new_run(**SETTINGS), at_step(15, lambda _: disk.fill())
    with once_it_waits(engines, stop):
        events = in_process.train(run, on_event)
    (engine,) = engines
    assert engine.status == 1
    assert "model.keras" in engine.save_error
    assert steps_of(events)[-1] == 15
    disk.empty()
    in_process.resume(run)
    assert summarize(run).status is Status.FINISHED
    assert files_of(run) >= WRITTEN


def test_a_failure_is_recorded_once_the_disk_has_room(disk: Disk) -> None:
    def fail(_: Engine) -> None:
        disk.fill()
        raise OverflowError("out of luck")

    run, (on_event, engines) = in_process.new_run(**SETTINGS), at_step(5, fail)
    with once_it_waits(engines, lambda _: disk.empty()):
        events = in_process.train(run, on_event)
    assert isinstance(events[-1], RunFailed)
    assert "out of luck" in events[-1].error


def test_a_failure_without_a_run_directory_is_that_failure() -> None:
    seen: list[AnyEvent] = []

    def fail(engine: Engine) -> None:
        delete(engine._run.path)
        raise OverflowError("out of luck")

    run, (fail_run, engines) = in_process.new_run(**SETTINGS), at_step(2, fail)

    def on_event(engine: Engine, event: AnyEvent) -> None:
        seen.append(event)
        fail_run(engine, event)

    in_process.train(run, on_event)
    (failed,) = (event for event in seen if isinstance(event, RunFailed))
    assert "out of luck" in failed.error
    assert engines[0].status == 1


def remove_everything(engine: Engine) -> None:
    for path in engine._run.path.iterdir():
        if path.is_dir():
            delete(path)
        else:
            path.unlink(missing_ok=True)


def test_removed_files_are_written_again() -> None:
    run, (on_event, engines) = in_process.new_run(**SETTINGS), at_step(13, remove_everything)
    events = in_process.train(run, on_event)
    assert files_of(run) >= WRITTEN
    assert steps_of(events) == list(range(1, LAST_STEP + 1))
    texts = [event.text for event in events if isinstance(event, AlertRaised) and event.kind is AlertKind.RESTORED]
    assert all(any(name in text for text in texts) for name in ("events.jsonl", "config.json", "digits/validation"))
    assert engines[0].status == 0


def test_a_run_whose_directory_is_deleted_trains_to_its_end(home: Path) -> None:
    seen: list[AnyEvent] = []
    run, (delete_run, engines) = in_process.new_run(**SETTINGS), at_step(13, lambda engine: delete(engine._run.path))

    def on_event(engine: Engine, event: AnyEvent) -> None:
        seen.append(event)
        delete_run(engine, event)

    in_process.train(run, on_event)
    ended = seen[-1]
    assert isinstance(ended, RunEnded)
    assert ended.test_accuracy is not None
    assert "checkpoint" in ended.unsaved
    assert "has vanished" in engines[0].save_error
    assert engines[0].status == 1
    assert list(home.iterdir()) == []

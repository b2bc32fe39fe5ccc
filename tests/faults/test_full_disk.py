"""Disks that fill up, become read-only or lose the run directory: training goes on and errors are reported."""

import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_tui.control import client
from mnist_tui.engine.recording import checkpoints
from mnist_tui.events import AlertRaised, CheckpointSaved, HardwareSampled, Phase, RunEnded, decode
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.faults import audit
from tests.faults.conftest import Rounds, StartEngine
from tests.faults.disks import SmallDisk, read_only
from tests.faults.engine import Engine, phase, step, wait_until

pytestmark = pytest.mark.timeout(3_600)  # for all rounds; each wait has its own timeout

SETTINGS = {"limit": 720, "batch_size": 33, "epochs": 3, "checkpoint_seconds": 0.1}
LAST_STEP = 60
WRITTEN = {
    "model.keras",
    "digits/validation.npz",
    "digits/test.npz",
    "predictions/epoch-0001.npz",
    "predictions/epoch-0002.npz",
    "predictions/epoch-0003.npz",
    "predictions/test.npz",
}

WaitForPoint = Callable[[Engine], object]


def second_checkpoint(engine: Engine) -> None:
    wait_until(engine.run.checkpoint_paths, "for the first checkpoint")
    folder = engine.run.path / "checkpoints"
    wait_until(
        lambda: any(folder.glob(".*")) or len(engine.run.checkpoint_paths()) > 1 or not engine.process.is_running(),
        "for the second checkpoint",
    )


POINTS: dict[str, WaitForPoint] = {
    "while TensorFlow is imported": lambda engine: engine.wait_for(phase(Phase.IMPORTING)),
    "before the first checkpoint": lambda engine: engine.wait_for(phase(Phase.BUILDING)),
    "after the first checkpoint": lambda engine: engine.wait_for(lambda event: isinstance(event, CheckpointSaved)),
    "in the first epoch": lambda engine: engine.wait_for(step(10)),
    "before an epoch's end": lambda engine: engine.wait_for(step(19)),
    "while it validates": lambda engine: engine.wait_for(phase(Phase.VALIDATING)),
    "while a checkpoint is written": second_checkpoint,
    "in the second epoch": lambda engine: engine.wait_for(step(27)),
    "before the test": lambda engine: engine.wait_for(step(LAST_STEP - 1)),
    "while it tests": lambda engine: engine.wait_for(phase(Phase.TESTING)),
}


def fill_at(name: str, engine: Engine, disk: SmallDisk) -> client.Attachment:
    """Fill the disk at a point, wait until the engine reports it, and return the viewer."""
    viewer = client.Attachment(engine.run, "a test")  # the engine does not exit while a viewer is attached
    POINTS[name](engine)
    disk.fill()
    wait_until(lambda: viewer.save_error, f"for the error of a disk that fills up {name}")
    return viewer


def test_a_full_disk_damages_nothing_and_the_run_can_be_resumed_later(
    start_engine: StartEngine, small_disk: SmallDisk, rounds: Rounds, chance: random.Random
) -> None:
    names = chance.sample(list(POINTS), rounds(short=1, full=len(POINTS)))
    for name in names:
        engine = start_engine(small_disk.path, **SETTINGS)
        viewer = fill_at(name, engine, small_disk)
        had_checkpoint = checkpoints.read(engine.run) is not None
        viewer.close()
        assert engine.wait() == 1, f"{name}: {engine.log_tail()}"
        audit.check_files(engine.run)
        audit.check_history(engine.run)
        assert not had_checkpoint or checkpoints.read(engine.run) is not None

        small_disk.empty()
        if summarize(engine.run).status is not Status.FINISHED:
            engine.resume()
            assert engine.wait() == 0, f"{name}: {engine.log_tail()}"
        assert audit.check_history(engine.run).steps.count == LAST_STEP
        audit.check_files(engine.run)
        shutil.rmtree(engine.run.path)
    print(f"disks that stay full: {len(names)} ({', '.join(names)}), damaged files: 0, not resumed: 0")


def test_failed_writes_are_repeated_in_order_once_the_disk_has_room(
    start_engine: StartEngine, small_disk: SmallDisk, rounds: Rounds, chance: random.Random
) -> None:
    names, late = chance.sample(list(POINTS), rounds(short=1, full=len(POINTS))), 0
    for name in names:
        engine = start_engine(small_disk.path, **SETTINGS)
        viewer = fill_at(name, engine, small_disk)
        small_disk.empty()
        emptied = time.time()
        engine.wait_for(lambda event: isinstance(event, RunEnded))
        viewer.close()
        status = engine.wait()
        assert times(engine) == sorted(times(engine))
        history = audit.check_history(engine.run)
        assert history.steps.count == LAST_STEP
        assert summarize(engine.run).status is Status.FINISHED
        audit.check_files(engine.run)
        assert history.ended is not None
        (tested,) = (event.time for event in engine.events if phase(Phase.TESTING)(event))
        if tested < emptied:  # the last failed writes may come too late, but they are reported
            late += 1
            assert status == bool(history.ended.unsaved), f"{name}: {engine.log_tail()}"
        else:
            assert status == 0, f"{name}: {engine.log_tail()}"
            assert history.ended.unsaved == ()
            assert {str(path.relative_to(engine.run.path)) for path in engine.run.path.rglob("*")} >= WRITTEN
        shutil.rmtree(engine.run.path)
    print(
        f"disks with room again: {len(names)} ({', '.join(names)}), events lost or out of order: 0,"
        f" files lost: 0 (there was room only after the end: {late})"
    )


def times(engine: Engine) -> list[float]:
    """Return the times of all events of the training thread."""
    others = HardwareSampled | CheckpointSaved | AlertRaised
    return [event.time for event in audit.events_of(engine.run) if not isinstance(event, others)]


def print_plain(program: list[str], env: dict[str, str], engine: Engine) -> "subprocess.Popen[str]":
    """Start a viewer that prints plain lines."""
    arguments = [*program, "attach", engine.run.id, "--plain"]
    return subprocess.Popen(arguments, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def test_a_read_only_run_directory_is_reported_to_all_viewers(
    start_engine: StartEngine, program: list[str], env: dict[str, str]
) -> None:
    engine = start_engine(**SETTINGS)
    viewer = client.Attachment(engine.run, "a test")
    plain = print_plain(program, env, engine)
    engine.wait_for(step(5))
    with read_only(engine.run.path):
        wait_until(lambda: viewer.save_error, "for the error")
        engine.wait_for(lambda event: isinstance(event, RunEnded))
        viewer.close()
        assert engine.wait() == 1, engine.log_tail()
        lines, _ = plain.communicate()
    ended = audit.check_history(engine.run).ended
    assert ended is not None
    assert ended.test_accuracy is not None
    assert "model.keras" in ended.unsaved
    assert plain.returncode == 1, lines
    assert "model.keras" in lines
    audit.check_files(engine.run)
    assert checkpoints.read(engine.run) is not None
    print(f"read-only: trained to the end, reported as not saved: {', '.join(ended.unsaved)}")


def test_a_deleted_run_directory_is_reported_and_training_ends(
    start_engine: StartEngine, program: list[str], env: dict[str, str], home: Path
) -> None:
    engine = start_engine(**SETTINGS)
    viewer = client.Attachment(engine.run, "a test")
    plain = print_plain(program, env, engine)
    engine.wait_for(step(5))
    with engine.run.events_path.open("rb") as events:  # stays readable after its deletion
        while engine.run.path.exists():
            shutil.rmtree(engine.run.path, ignore_errors=True)  # the engine may write a file meanwhile
        wait_until(lambda: "vanished" in viewer.save_error, "for the error")
        viewer.close()
        assert engine.wait() == 1
        last = [decode(line) for line in events][-1]
    assert isinstance(last, RunEnded)
    assert last.test_accuracy is not None
    assert "checkpoint" in last.unsaved
    assert list(home.iterdir()) == []
    plain.communicate()
    assert plain.returncode == 1
    print("deleted run directory: trained and tested to the end, exit status 1")

"""Disks that fill up or become read-only: training goes on, errors are reported and nothing is lost."""

import contextlib
import random
import shutil
import subprocess
from collections.abc import Callable

import pytest

from mnist_tui.control import client
from mnist_tui.control.protocol import Ping
from mnist_tui.engine.recording import checkpoints
from mnist_tui.events import AlertRaised, CheckpointSaved, HardwareSampled, Phase, RunEnded
from mnist_tui.runs.directory import RunError
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

WAITING = "but not all is saved"
"""Part of the save error of an engine at its end."""

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


def test_a_full_disk_costs_nothing_once_it_has_room(
    start_engine: StartEngine, small_disk: SmallDisk, rounds: Rounds, chance: random.Random
) -> None:
    names = chance.sample(list(POINTS), rounds(short=1, full=len(POINTS)))
    waited = 0
    for name in names:
        engine = start_engine(small_disk.path, **SETTINGS)
        viewer = client.Attachment(engine.run, "a test")  # a test that ends with a viewer attached would not exit
        POINTS[name](engine)
        small_disk.fill()
        wait_until(lambda: viewer.save_error, f"for the error of a disk that fills up {name}")  # noqa: B023
        viewer.close()
        wait_until(lambda: not audit.temporaries(engine.run), "for the end of an attempt to write")  # noqa: B023
        audit.check_files(engine.run)
        audit.check_history(engine.run)
        if chance.random() < 0.5:  # otherwise there is room again during the training
            waited += 1
            wait_until(lambda: WAITING in save_error(engine), f"at the end of the disk that filled up {name}")  # noqa: B023
            assert summarize(engine.run).status.is_live
            audit.check_files(engine.run)
        small_disk.empty()
        assert engine.wait() == 0, f"{name}: {engine.log_tail()}"
        assert summarize(engine.run).status is Status.FINISHED
        assert times(engine) == sorted(times(engine))
        history = audit.check_history(engine.run)
        assert history.steps.count == LAST_STEP
        assert history.ended is not None
        assert history.ended.unsaved == ()
        assert {str(path.relative_to(engine.run.path)) for path in engine.run.path.rglob("*")} >= WRITTEN
        audit.check_files(engine.run)
        shutil.rmtree(engine.run.path)
    print(
        f"full disks: {len(names)} ({', '.join(names)}), {waited} to the end; damaged files: 0, files lost: 0,"
        " events lost or out of order: 0"
    )


def save_error(engine: Engine) -> str:
    """Return what the engine cannot save; empty if it does not reply."""
    with contextlib.suppress(RunError):
        return client.send(engine.run, Ping()).save_error
    return ""


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

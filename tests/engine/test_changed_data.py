"""Runs whose data file changed between a stop and a resume."""

import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from mnist_tui.control.protocol import Explain, Stop
from mnist_tui.engine import backends
from mnist_tui.engine.__main__ import Engine
from mnist_tui.engine.data import datasets
from mnist_tui.engine.recording import checkpoints
from mnist_tui.engine.service.server import RequestError
from mnist_tui.events import AnyEvent, EpochEnded, RunEnded, RunFailed, RunResumed, StepEnded
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.engine import in_process
from tests.engine.samples import few_digits

TRAIN, FEWER, BATCH = 360, 240, 33
STEPS, FEWER_STEPS = TRAIN * 11 // 12 // BATCH, -(-FEWER * 11 // 12 // BATCH)
"""Steps of an epoch."""
STOPPED_AT = STEPS + 4


def write(path: Path, count: int, shift: int = 0) -> None:
    digits = few_digits(count)
    labels = (digits.labels + shift) % 10
    np.savez(path, x_train=digits.images, y_train=labels, x_test=digits.images[:120], y_test=labels[:120])


def stop(engine: Engine, event: AnyEvent) -> None:
    if isinstance(event, StepEnded) and event.step == STOPPED_AT:
        engine.handle(Stop(by="a test"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that was stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("original")
    write(folder / "mine.npz", TRAIN)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(HOME_VARIABLE, str(folder))
        run = in_process.new_run(preset="mlp", data=folder / "mine.npz", epochs=3, batch_size=BATCH)
        in_process.train(run, stop)
    return run


@pytest.fixture
def stopped(original: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy of the run."""
    return RunDirectory(Path(shutil.copytree(original.path, tmp_path / original.id)))


@pytest.fixture
def path(original: RunDirectory) -> Path:
    """The data file of the run, as it was when the run was started."""
    path = Path(original.record().config.data)
    write(path, TRAIN)
    return path


def relabel(path: Path) -> None:
    write(path, TRAIN, shift=3)


def shorten(path: Path) -> None:
    write(path, FEWER)


@pytest.mark.parametrize(("change", "words"), [(relabel, "has changed since run"), (Path.unlink, "is missing")])
def test_an_engine_refuses_other_data(
    path: Path, stopped: RunDirectory, change: Callable[[Path], None], words: str
) -> None:
    before = stopped.config_path.read_bytes()
    change(path)
    *_, last = in_process.resume(stopped)
    assert isinstance(last, RunFailed)
    assert f"mine.npz {words}" in last.error
    assert stopped.config_path.read_bytes() == before


def test_an_engine_that_cannot_load_the_data_says_why_it_explains_nothing(path: Path, stopped: RunDirectory) -> None:
    path.unlink()
    engine = Engine(stopped, checkpoints.read(stopped), None, explain_only=True)
    pending = engine.handle(Explain("validation", 0))
    assert pending is not None
    with patch.object(backends.current(), "prepare"):
        engine.work()
    with pytest.raises(RequestError, match=r"mine\.npz is missing"):
        pending.result(0)
    assert summarize(stopped).status is Status.STOPPED


@pytest.mark.parametrize(
    ("change", "resumed_at", "last_step"),
    [(relabel, [STOPPED_AT], 3 * STEPS), (shorten, [STOPPED_AT, 0], 3 * FEWER_STEPS)],
)
def test_an_engine_trains_on_other_data_that_the_user_accepts(
    path: Path, stopped: RunDirectory, change: Callable[[Path], None], resumed_at: list[int], last_step: int
) -> None:
    change(path)
    before = len(LogFollower(stopped.events_path).read())
    events = in_process.resume(stopped, accepted_by="ada")[before:]
    assert [event.step for event in events if isinstance(event, RunResumed)] == resumed_at
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert epochs[0].is_best, "the best epoch of the old data does not count"
    assert (epochs[-1].epoch, epochs[-1].step) == (3, last_step)
    assert isinstance(events[-1], RunEnded)
    summary = summarize(stopped)
    assert summary.epochs_done == 3
    assert summary.history.data_changed_at == resumed_at[-1]
    assert summary.record.data_checksum == datasets.load(str(path)).checksum

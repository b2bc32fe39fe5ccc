"""Checkpoints of fake variables."""

import errno
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.cli.listing import run_document
from mnist_tui.diagnosis.guard import EpochFigures
from mnist_tui.engine.recording import checkpoints
from mnist_tui.engine.recording.checkpoints import (
    KEPT,
    Checkpoint,
    Checkpointer,
    TrainingState,
    example_order,
    state_to_train_from,
)
from mnist_tui.event_lines import encode
from mnist_tui.runs.directory import RunDirectory, RunError, create_run
from mnist_tui.runs.summary import history_without_steps, summarize
from tests.kit import samples


class Variable:
    """Fake Keras variable."""

    def __init__(self, value: NDArray[Any]) -> None:
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
        return self.value

    def assign(self, value: NDArray[Any]) -> None:
        self.value = value


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


@pytest.fixture
def checkpointer(run: RunDirectory) -> Checkpointer:
    return Checkpointer(run, samples.record().config, before=lambda: None)


def state(step: int) -> TrainingState:
    progress = {"step": step, "epoch": 1, "batch": 4, "best_epoch": 1, "figures": [EpochFigures(1, 0.5, None, 0.9)]}
    return msgspec.structs.replace(TrainingState.initial(samples.config()), **progress)


def test_an_earlier_state_is_restored_with_the_current_settings() -> None:
    settings = {"epochs_planned": 9, "max_learning_rate": 0.5, "early_stopping": "loss:3", "automatic_rollbacks": 1}
    now = msgspec.structs.replace(TrainingState.initial(samples.config()), step=40, epoch=2, **settings)
    now.return_to(state(12))
    assert now == msgspec.structs.replace(state(12), **settings)


@pytest.mark.parametrize("saved_step", [None, 12])
@pytest.mark.parametrize(
    ("changes", "settings"),
    [
        ([], (3, 0.01, "off")),
        ([("epochs", "5")], (5, 0.01, "off")),
        ([("learning_rate", "0.002")], (3, 0.002, "off")),
        ([("early_stopping", "loss:3")], (3, 0.01, "loss:3")),
        (
            [("epochs", "5"), ("early_stopping", "loss:3"), ("epochs", "4"), ("pause", "after this batch")],
            (4, 0.01, "loss:3"),
        ),
        ([("epochs", "9" * 5_000), ("learning_rate", "nan"), ("early_stopping", "often")], (3, 0.01, "off")),
    ],
)
def test_an_engine_resumes_with_the_settings_of_the_event_log(
    saved_step: int | None, changes: list[tuple[str, str]], settings: tuple[int, float, str]
) -> None:
    run = create_run(samples.config())
    events = [samples.setting_changed(*change, step=13) for change in changes]
    run.events_path.write_bytes(b"".join(map(encode, events)))
    saved = Checkpoint(state(saved_step), [], []) if saved_step is not None else None
    resumed = state_to_train_from(saved, history_without_steps(run))
    assert (resumed.epochs_planned, resumed.max_learning_rate, resumed.early_stopping) == settings
    assert resumed.step == (saved_step or 0)
    shown = run_document(summarize(run))
    assert (shown["epochs_planned"], shown["learning_rate"], shown["early_stopping"]) == settings


def variables(value: float) -> list[Variable]:
    return [Variable(np.full((3, 2), value, np.float32)), Variable(np.array(7, np.int64))]


def test_a_checkpoint_is_read_as_it_was_saved(run: RunDirectory, checkpointer: Checkpointer) -> None:
    saved = checkpointer.save(Checkpoint.copied(state(12), variables(1.5), [np.ones(4)]))
    assert saved is not None
    assert (saved.path, saved.step, saved.epoch) == ("checkpoints/step-000000012.npz", 12, 1)
    found = checkpoints.read(run)
    assert found is not None
    assert found.state == state(12)
    assert np.array_equal(found.best[0], np.ones(4))
    fresh = variables(0)
    found.restore(fresh)
    assert np.array_equal(fresh[0].value, np.full((3, 2), 1.5))


def test_only_the_newest_are_kept_and_a_damaged_one_is_skipped(run: RunDirectory, checkpointer: Checkpointer) -> None:
    for step in range(1, KEPT + 3):
        checkpointer.save(Checkpoint.copied(state(step), variables(step), []))
    newest, before = run.checkpoint_paths()
    assert newest == run.checkpoint_path(KEPT + 2)
    newest.write_bytes(newest.read_bytes()[:-200])
    found = checkpoints.read(run)
    assert found is not None
    assert found.state.step == KEPT + 1
    before.write_bytes(b"")
    assert checkpoints.read(run) is None


@pytest.mark.parametrize(
    "wrong", ["a copy", "NaN", "no state", "nonsense", "negative", "deep", "folder", "pipe", "device"]
)
def test_a_checkpoint_that_cannot_be_the_runs_own_gives_way_to_the_one_before(
    run: RunDirectory, checkpointer: Checkpointer, wrong: str
) -> None:
    checkpointer.save(Checkpoint.copied(state(3), variables(1), []))
    path, arrays = run.checkpoint_path(9), run.load_arrays(run.checkpoint_path(3))
    later = msgspec.json.encode(state(9))
    states = {
        "NaN": later,
        "nonsense": b"{",
        "negative": later.replace(b'"batch":4', b'"batch":-4'),
        "deep": b'{"sums":' + 100_000 * b"[",
    }
    if wrong == "NaN":
        arrays["variable_000"][0, 0] = np.nan
    match wrong:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "no state":
            run.save_arrays(path, variable_000=arrays["variable_000"])
        case _:
            written = np.frombuffer(states.get(wrong) or arrays["state"].tobytes(), np.uint8)
            run.save_arrays(path, **arrays | {"state": written})
    assert path in run.checkpoint_paths()
    found = checkpoints.read(run)
    assert found is not None
    assert found.state.step == 3


def test_a_checkpoint_of_a_later_step_does_not_push_out_new_ones(run: RunDirectory, checkpointer: Checkpointer) -> None:
    run.checkpoint_path(3).parent.mkdir()
    for step in (98, 99):
        run.checkpoint_path(step).mkdir()
    for step in (3, 6):
        checkpointer.save(Checkpoint.copied(state(step), variables(1), []))
    assert [path.is_file() for path in run.checkpoint_paths()] == [False, False, True, True]


def test_an_earlier_checkpoint_can_be_asked_for(run: RunDirectory, checkpointer: Checkpointer) -> None:
    for step in (3, 6):
        checkpointer.save(Checkpoint.copied(state(step), variables(1), []))
    earlier = checkpoints.read(run, before=6)
    assert earlier is not None
    assert earlier.state.step == 3
    assert checkpoints.read(run, before=3) is None


def test_weights_that_are_not_finite_are_not_saved(run: RunDirectory, checkpointer: Checkpointer) -> None:
    assert checkpointer.save(Checkpoint.copied(state(3), variables(float("nan")), [])) is None
    assert not run.checkpoint_paths()


def test_a_failed_write_leaves_the_previous_checkpoint_intact(
    run: RunDirectory, checkpointer: Checkpointer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpointer.save(Checkpoint.copied(state(3), variables(1), []))

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="No space left"):
        checkpointer.save(Checkpoint.copied(state(6), variables(2), []))
    monkeypatch.undo()
    assert [path.name for path in (run.path / "checkpoints").iterdir()] == ["step-000000003.npz"]
    found = checkpoints.read(run)
    assert found is not None
    assert found.state.step == 3


def test_events_are_flushed_before_a_checkpoint_is_written(run: RunDirectory) -> None:
    seen: list[int] = []
    checkpointer = Checkpointer(run, samples.record().config, before=lambda: seen.append(len(run.checkpoint_paths())))
    checkpointer.save(Checkpoint.copied(state(3), variables(1), []))
    assert seen == [0]


def test_a_checkpoint_of_another_model_raises_an_error(run: RunDirectory, checkpointer: Checkpointer) -> None:
    checkpointer.save(Checkpoint.copied(state(3), variables(1), []))
    found = checkpoints.read(run)
    assert found is not None
    with pytest.raises(RunError, match="another model"):
        found.restore(variables(1)[:1])


def test_later_checkpoints_are_removed(run: RunDirectory, checkpointer: Checkpointer) -> None:
    for step in (3, 6):
        checkpointer.save(Checkpoint.copied(state(step), variables(1), []))
    checkpoints.remove_after(run, 3)
    assert run.checkpoint_paths() == [run.checkpoint_path(3)]


def test_the_last_batch_of_an_epoch_and_its_end_are_different_states_of_one_step(
    run: RunDirectory, checkpointer: Checkpointer
) -> None:
    before = state(20)
    checkpointer.save(Checkpoint.copied(before, variables(1), []))
    assert checkpointer.has(before)
    before.end_epoch()
    assert not checkpointer.has(before)
    checkpointer.save(Checkpoint.copied(before, variables(1), []))
    assert checkpointer.has(before)
    found = checkpoints.read(run)
    assert found is not None
    assert (found.state.step, found.state.epoch, found.state.batch) == (20, 2, 0)


def test_a_checkpoint_is_due_after_its_interval(run: RunDirectory) -> None:
    config = samples.record().config
    patient = Checkpointer(run, msgspec.structs.replace(config, checkpoint_seconds=3600.0), before=lambda: None)
    assert not patient.is_due()
    assert patient.is_due(epoch_end=True)
    assert Checkpointer(run, msgspec.structs.replace(config, checkpoint_seconds=0.0), before=lambda: None).is_due()


def test_the_order_of_the_examples_depends_on_seed_and_epoch_only() -> None:
    first = example_order(seed=1, epoch=0, count=50)
    assert sorted(first) == list(range(50))
    assert np.array_equal(first, example_order(seed=1, epoch=0, count=50))
    assert not np.array_equal(first, example_order(seed=1, epoch=1, count=50))
    assert not np.array_equal(first, example_order(seed=2, epoch=0, count=50))

"""Interrupted and resumed runs."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from mnist_tui.control import client
from mnist_tui.control.protocol import Ping, SaveCheckpoint, SetEpochs, SetLearningRate, Stop
from mnist_tui.engine.__main__ import Engine
from mnist_tui.engine.recording import checkpoints
from mnist_tui.events import AnyEvent, EndReason, ResumeReason, RunEnded, RunResumed, StepEnded
from mnist_tui.inspection.predictions import TEST, EvaluationPoint, PredictionFiles
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.engine import in_process
from tests.engine.conftest import Start, events_until
from tests.engine.held import go_on, hold_at

SETTINGS = {"preset": "mlp", "limit": 360, "epochs": 3, "batch_size": 17, "seed": 5}
"""20 steps an epoch."""


def history_of(run: RunDirectory) -> History:
    history = History(run.record())
    history.apply_all(LogFollower(run.events_path).read())
    return history


def is_step(number: int) -> Callable[[AnyEvent], bool]:
    return lambda event: isinstance(event, StepEnded) and event.step == number


def last_weights(run: RunDirectory) -> list[np.ndarray]:
    checkpoint = checkpoints.read(run)
    assert checkpoint is not None
    return checkpoint.variables


def save_and_crash(save: int, crash: int) -> in_process.OnEvent:
    """Return a function that saves a checkpoint after a step and crashes the run after a later one."""

    def on_event(engine: Engine, event: AnyEvent) -> None:
        if is_step(save)(event):
            engine.handle(SaveCheckpoint(by="a test"))
        elif is_step(crash)(event):
            raise in_process.Crash

    return on_event


@pytest.mark.parametrize("preset", ["fast", pytest.param("reference", marks=pytest.mark.full)])
def test_a_crashed_and_resumed_run_ends_with_the_same_weights_bit_for_bit(preset: str) -> None:
    settings = SETTINGS | {"preset": preset, "epochs": 2}
    whole, broken = in_process.new_run(**settings), in_process.new_run(**settings)
    in_process.train(whole)
    in_process.train(broken, save_and_crash(5, 7))
    assert summarize(broken).status is Status.CRASHED
    in_process.resume(broken, save_and_crash(23, 25))
    events = in_process.resume(broken)
    assert [event.step for event in events if isinstance(event, RunResumed)] == [5, 23]
    assert isinstance(events[-1], RunEnded)

    one, other = last_weights(whole), last_weights(broken)
    assert len(one) == len(other)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    first, second = history_of(whole), history_of(broken)
    for key in ("step", "loss", "learning_rate"):
        assert np.array_equal(first.steps.column(key), second.steps.column(key))
    assert [epoch.validation for epoch in first.epochs] == [epoch.validation for epoch in second.epochs]
    assert first.ended is not None
    assert second.ended is not None
    assert first.ended.test_loss == second.ended.test_loss
    assert np.all(np.diff(second.steps.column("worked")) > 0)


@pytest.mark.parametrize("part", ["variable_000", pytest.param("best_000", marks=pytest.mark.full)])
def test_a_checkpoint_of_another_model_gives_way_to_the_one_before(part: str) -> None:
    run = in_process.new_run(**SETTINGS | {"epochs": 2})
    in_process.train(run, save_and_crash(23, 25))
    newest = checkpoints.read(run)
    assert newest is not None
    path, wrong = run.checkpoint_path(23), run.load_arrays(run.checkpoint_path(23))
    assert checkpoints.read(run, before=23) is not None
    run.save_arrays(path, **wrong | {part: np.zeros((3, 3), np.float32)})
    events = in_process.resume(run)
    resumed = [event.step for event in events if isinstance(event, RunResumed)]
    assert resumed[0] == 23
    assert resumed[-1] < 23
    assert isinstance(events[-1], RunEnded)
    assert history_of(run).last_step == 40


def test_a_second_test_leaves_the_first_result_and_its_predictions() -> None:
    run = in_process.new_run(**SETTINGS | {"epochs": 1})
    in_process.train(run)
    first = {path: path.read_bytes() for path in (run.predictions_path("test"), run.digits_path("test"))}
    in_process.resume(run, epochs=2)
    assert {path: path.read_bytes() for path in first} == first
    history = history_of(run)
    files = PredictionFiles(run)
    for test, again in zip(history.tests, (False, True), strict=True):
        read = files.load(EvaluationPoint(TEST, again=again))
        assert (read.probabilities.argmax(axis=1) == read.labels).mean() == pytest.approx(test.test_accuracy, abs=1e-3)
    assert files.evaluated() == []


def test_a_run_stopped_in_the_middle_of_an_epoch_is_resumed_there_and_drops_its_partial_validation() -> None:
    def stop(engine: Engine, event: AnyEvent) -> None:
        if is_step(24)(event):
            engine.handle(Stop(by="a test"))

    run = in_process.new_run(**SETTINGS)
    stopped = in_process.train(run, stop)[-1]
    assert isinstance(stopped, RunEnded)
    assert stopped.reason is EndReason.STOPPED
    assert [(epoch.epoch, epoch.step) for epoch in history_of(run).epochs] == [(1, 20), (2, 24)]

    events = in_process.resume(run, epochs=2)
    resumed = next(event for event in events if isinstance(event, RunResumed))
    assert (resumed.reason, resumed.step, resumed.epoch) == (ResumeReason.RESUMED, 24, 1)
    history = history_of(run)
    assert history.steps.column("step").tolist() == list(range(1, 41))
    assert [epoch.step for epoch in history.epochs] == [20, 40]
    assert history.epochs_planned == 2
    summary = summarize(run)
    assert (summary.status, summary.epochs_done, summary.epochs_planned) == (Status.FINISHED, 2, 2)
    assert summary.steps_done == 40


def test_an_engine_with_a_viewer_trains_more_epochs_after_the_end_and_exits_once_the_viewer_has_left(
    start: Start,
) -> None:
    run = start(**SETTINGS | {"epochs": 1})
    hold_at(run)
    viewer = client.Attachment(run, "a test")
    while not viewer.alive:
        time.sleep(0.01)
    go_on(run)
    events_until(run, lambda event: isinstance(event, RunEnded))
    assert run.is_live()
    assert client.send(run, Ping()).save_error == ""
    client.send(run, SetEpochs(by="a test", change=1))
    follower = LogFollower(run.events_path)
    events: list[AnyEvent] = []
    while sum(isinstance(event, RunEnded) for event in events) < 2:
        events += follower.read()
        time.sleep(0.01)
        assert run.is_live()
    resumed = next(event for event in events if isinstance(event, RunResumed))
    assert (resumed.reason, resumed.step, resumed.epoch) == (ResumeReason.TRAINED_ON, 20, 1)
    assert history_of(run).steps.column("step").tolist() == list(range(1, 41))
    viewer.close()
    events_until(run)


def test_a_run_that_diverges_unattended_is_rolled_back_once_and_then_fails() -> None:
    def raise_learning_rate(engine: Engine, event: AnyEvent) -> None:
        if is_step(1)(event):
            engine.handle(SetLearningRate(by="a test", value=10.0))

    run = in_process.new_run(
        preset="reference", limit=480, epochs=4, optimizer="sgd", learning_rate=1e-3, batch_size=50
    )
    events = in_process.train(run, raise_learning_rate)
    reasons = [event.reason for event in events if isinstance(event, RunResumed)]
    assert reasons == [ResumeReason.ROLLED_BACK]
    failed = history_of(run).failed
    assert failed is not None
    assert failed.error.startswith("after a rollback, the loss ")
    assert failed.error.endswith(": start again with a lower learning rate, such as 0.0001")
    assert summarize(run).status is Status.FAILED

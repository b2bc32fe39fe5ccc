"""Interrupted and resumed runs, with real engines: what they end with, and what their histories look like."""

import os
import signal
import time
from collections.abc import Callable

import numpy as np
import pytest

from mnist_tui.control import client
from mnist_tui.control.protocol import Ping, SetEpochs, SetLearningRate, Stop
from mnist_tui.engine.recording import checkpoints
from mnist_tui.events import AnyEvent, EndReason, ResumeReason, RunEnded, RunResumed, StepEnded
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.engine.conftest import Start, events_until
from tests.engine.held import go_on, hold_at

SETTINGS = {"limit": 1_440, "epochs": 3, "batch_size": 66, "seed": 5, "checkpoint_seconds": 0.1}
"""20 steps an epoch; a checkpoint as often as their cost allows."""


def history_of(run: RunDirectory) -> History:
    history = History(run.record())
    history.apply_all(LogFollower(run.events_path).read())
    return history


def is_step(number: int) -> Callable[[AnyEvent], bool]:
    return lambda event: isinstance(event, StepEnded) and event.step == number


def kill(run: RunDirectory) -> None:
    """As a crash does: at once."""
    endpoint = run.endpoint()
    assert endpoint is not None
    os.kill(endpoint.pid, signal.SIGKILL)
    while run.is_live():
        time.sleep(0.01)


def last_weights(run: RunDirectory) -> list[np.ndarray]:
    checkpoint = checkpoints.read(run)
    assert checkpoint is not None
    return checkpoint.variables


@pytest.mark.parametrize("preset", ["fast", "reference"])
def test_a_killed_and_resumed_run_ends_with_the_same_weights_bit_for_bit(start: Start, preset: str) -> None:
    settings = SETTINGS | {"preset": preset, "epochs": 2, "limit": 720, "batch_size": 33}  # 20 steps an epoch, too
    whole = start(**settings)
    events_until(whole)

    broken = start(**settings)
    for step in (7, 25):  # in the middle of both epochs
        hold_at(broken, step)
        go_on(broken)
        kill(broken)
        assert summarize(broken).status is Status.CRASHED
        client.resume(broken, "a test")
    events = events_until(broken)
    assert isinstance(events[-1], RunEnded)

    one, other = last_weights(whole), last_weights(broken)
    assert len(one) == len(other)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    first, second = history_of(whole), history_of(broken)
    assert np.array_equal(first.steps.column("step"), second.steps.column("step"))
    assert np.array_equal(first.steps.column("loss"), second.steps.column("loss"))
    assert np.array_equal(first.steps.column("learning_rate"), second.steps.column("learning_rate"))
    assert [epoch.validation for epoch in first.epochs] == [epoch.validation for epoch in second.epochs]
    assert first.ended is not None
    assert second.ended is not None
    assert first.ended.test_loss == second.ended.test_loss
    assert np.all(np.diff(second.steps.column("worked")) > 0)


def test_a_stopped_run_is_resumed_in_the_middle_of_its_epoch_and_its_partial_validation_no_longer_counts(
    start: Start,
) -> None:
    run = start(**SETTINGS)
    hold_at(run, 24)
    client.send(run, Stop(by="a test"))
    events = events_until(run)
    stopped = events[-1]
    assert isinstance(stopped, RunEnded)
    assert stopped.reason is EndReason.STOPPED
    last = max(event.step for event in events if isinstance(event, StepEnded))
    assert [epoch.epoch for epoch in history_of(run).epochs] == [1, 2]

    client.resume(run, "a test", epochs=2)
    events = events_until(run)
    resumed = next(event for event in events if isinstance(event, RunResumed))
    assert (resumed.reason, resumed.step, resumed.epoch) == (ResumeReason.RESUMED, last, 1)
    history = history_of(run)
    assert history.steps.column("step").tolist() == list(range(1, 41))
    assert [epoch.step for epoch in history.epochs] == [20, 40]
    assert history.epochs_planned == 2
    assert summarize(run).status is Status.FINISHED
    assert (summarize(run).epochs_done, summarize(run).epochs_planned, summarize(run).steps_done) == (2, 2, 40)


def test_an_engine_that_is_watched_stays_after_the_end_trains_on_and_ends_when_the_last_face_has_left(
    start: Start,
) -> None:
    run = start(**SETTINGS | {"epochs": 1})
    hold_at(run)
    face = client.Attachment(run, "a test")
    while not face.alive:
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
        time.sleep(0.05)
        assert run.is_live()
    resumed = next(event for event in events if isinstance(event, RunResumed))
    assert (resumed.reason, resumed.step, resumed.epoch) == (ResumeReason.TRAINED_ON, 20, 1)
    assert history_of(run).steps.column("step").tolist() == list(range(1, 41))
    face.close()
    events_until(run)


def test_a_loss_that_explodes_unattended_is_rolled_back_once_and_then_given_up(start: Start) -> None:
    run = start(limit=1_200, epochs=2, preset="reference", optimizer="sgd", learning_rate=1e-3, batch_size=50)
    hold_at(run)
    client.send(run, SetLearningRate(by="a test", value=10.0))
    go_on(run)
    events = events_until(run)
    history = history_of(run)
    assert any(isinstance(event, RunResumed) and event.reason is ResumeReason.ROLLED_BACK for event in events)
    assert history.failed is not None
    assert "even after a rollback" in history.failed.error
    assert summarize(run).status is Status.FAILED

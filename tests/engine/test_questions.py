"""Questions to real engines, in training and woken; and the jobs beside a training."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.control import client
from mnist_tui.control.protocol import Explain, Explanation, GivenDigit, Pause, Ping, SetEpochs
from mnist_tui.events import AnyEvent, EpochEnded, RunEnded, RunResumed
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.engine.conftest import Start, events_until

PATIENCE = 60.0


def explain(run: RunDirectory, split: str, index: int) -> Explanation:
    explanation = client.ask(run, Explain(split=split, index=index), PATIENCE).explanation
    assert explanation is not None
    return explanation


def recorded_answer(run: RunDirectory, name: str | int, row: int) -> NDArray[np.float32]:
    return np.asarray(run.load_arrays(run.predictions_path(name))["probabilities"][row], dtype=np.float32)


def test_a_network_is_questioned_while_it_trains(start: Start) -> None:
    run = start(limit=1_440, epochs=100, batch_size=66)
    deadline = time.monotonic() + PATIENCE
    while run.endpoint() is None:  # without rest: an address that is told too early is wrong for a moment only
        assert time.monotonic() < deadline
    assert client.ask(run, Ping(), PATIENCE).ok
    with pytest.raises(RunError, match="no epoch is validated yet"):
        explain(run, "validation", 0)
    events_until(run, lambda event: isinstance(event, EpochEnded))
    index = int(run.load_arrays(run.digits_path("validation"))["indices"][3])
    explanation = explain(run, "validation", index)
    assert explanation.probabilities == pytest.approx(recorded_answer(run, explanation.epoch, 3), abs=2e-3)
    with pytest.raises(RunError, match="there is no digit 70000 among the validation digits"):
        explain(run, "validation", 70_000)
    with pytest.raises(RunError, match="split 'dreams' is not known"):
        explain(run, "dreams", 0)


def test_a_run_that_is_over_is_woken_questioned_trained_on_and_sleeps_again(start: Start) -> None:
    run = start(limit=1_440, epochs=1, batch_size=66)
    events_until(run)
    size = run.events_path.stat().st_size
    client.wake(run)
    face = client.Attachment(run, "a test")
    index = int(run.load_arrays(run.digits_path("test"))["indices"][3])
    while not face.alive:
        time.sleep(0.05)
    explanation = explain(run, "test", index)
    assert explanation.probabilities == pytest.approx(recorded_answer(run, "test", 3), abs=2e-3)
    arrays = run.load_arrays(run.digits_path("test"))
    given = GivenDigit(arrays["images"][3].tobytes(), int(arrays["labels"][3]))
    assert client.ask(run, Explain("set-mine", 3, given), PATIENCE).explanation == explanation
    with pytest.raises(RunError, match=r"refused: the digit's picture has 783 bytes: give 784"):
        client.ask(run, Explain("set-mine", 3, GivenDigit(bytes(783), 0)), PATIENCE)
    with pytest.raises(RunError, match="the training is over"):
        client.ask(run, Pause(by="a test"))
    assert summarize(run).status is Status.FINISHED
    assert run.events_path.stat().st_size == size, "waking leaves no trace"

    client.ask(run, SetEpochs(by="a test", change=1))
    follower, events = LogFollower(run.events_path), list[AnyEvent]()
    while sum(isinstance(event, RunEnded) for event in events) < 2:
        events += follower.read()
        time.sleep(0.05)
    assert sum(isinstance(event, RunResumed) for event in events) == 1
    assert summarize(run).epochs_done == 2
    face.close()
    events_until(run)


def test_another_set_is_read_with_the_best_network(start: Start) -> None:
    run = start(limit=1_440, epochs=1, batch_size=66)
    ended = events_until(run)[-1]
    assert isinstance(ended, RunEnded)
    reports = list(client.do_job(run, "evaluate", "mnist"))
    assert reports[-1].name == "set-mnist"
    assert [report.share for report in reports] == sorted(report.share for report in reports)
    found = run.load_arrays(run.predictions_path("set-mnist"))
    assert found["probabilities"].shape == (10_000, 10)
    assert len(run.load_arrays(run.digits_path("set-mnist"))["images"]) == 10_000
    test = run.load_arrays(run.predictions_path("test"))
    assert found["probabilities"][test["indices"]] == pytest.approx(test["probabilities"], abs=1e-2)


def test_a_set_that_cannot_be_read_is_refused_in_a_sentence(start: Start) -> None:
    run = start(limit=1_440, epochs=1, batch_size=66)
    events_until(run)
    with pytest.raises(RunError, match=r"no-such\.npz"):
        list(client.do_job(run, "evaluate", "no-such.npz"))
    assert not run.predictions_path("set-no-such").exists()


def test_the_cross_check_reads_every_digit_with_a_network_that_has_not_seen_it(start: Start) -> None:
    run = start(limit=1_440, epochs=1, batch_size=66)
    events_until(run)
    assert list(client.do_job(run, "cross-check"))[-1].name == "train"
    found = run.load_arrays(run.predictions_path("train"))
    validation = run.load_arrays(run.digits_path("validation"))
    assert len(found["labels"]) == 1_440
    assert set(validation["indices"]) < set(found["indices"])
    right = found["probabilities"].argmax(axis=1) == found["labels"]
    assert 0.6 < right.mean() < 0.9999, "better than guessing, and not by heart"

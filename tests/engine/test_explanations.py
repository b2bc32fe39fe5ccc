"""Explanations by real engines, while they train and after the end, and the jobs beside a training."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.control import client
from mnist_tui.control.predicting import predict_in_job, predict_live
from mnist_tui.control.protocol import Explain, Explanation, GivenDigit, Pause, Ping, SetEpochs, Stop
from mnist_tui.engine import backends
from mnist_tui.engine.jobs import cross_check
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.events import EndReason, EpochEnded, RunEnded, RunResumed
from mnist_tui.runs.directory import HOME_VARIABLE, TEST_AGAIN, RunDirectory, RunError
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.e2e.conftest import kill_engine
from tests.engine.conftest import events_until
from tests.test_documents import status

TIMEOUT = 60.0
LIMIT = 720


@pytest.fixture(scope="module")
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder for the temporary files of the first engine."""
    return tmp_path_factory.mktemp("tmp")


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, temporary_files: Path) -> Iterator[RunDirectory]:
    """A live run, from its start on."""
    settings = {"preset": "mlp", "limit": LIMIT, "epochs": 10_000, "batch_size": 66}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("home")))
        monkeypatch.setenv("TMPDIR", str(temporary_files))
        run = launch(catalogue().complete({key: str(value) for key, value in settings.items()}))
    yield run
    kill_engine(run)


@pytest.fixture(scope="module")
def stopped(training: RunDirectory) -> RunDirectory:
    """The same run after a stop."""
    events_until(training, lambda event: isinstance(event, EpochEnded))
    client.send(training, Stop(by="a test"), TIMEOUT)
    events_until(training)
    return training


def explain(run: RunDirectory, split: str, index: int, digit: GivenDigit | None = None) -> Explanation:
    explanation = client.send(run, Explain(split, index, digit), TIMEOUT).explanation
    assert explanation is not None
    return explanation


def recorded_probabilities(run: RunDirectory, name: str | int, row: int) -> NDArray[np.float32]:
    return np.asarray(run.load_arrays(run.predictions_path(name))["probabilities"][row], dtype=np.float32)


def test_digits_are_explained_while_the_run_trains(training: RunDirectory) -> None:
    deadline = time.monotonic() + TIMEOUT
    while training.endpoint() is None:  # without a sleep, to see an endpoint that is written too early
        assert time.monotonic() < deadline
    assert client.send(training, Ping(), TIMEOUT).ok
    with pytest.raises(RunError, match="no epoch is validated yet"):
        explain(training, "validation", 0)
    events_until(training, lambda event: isinstance(event, EpochEnded))
    index = int(training.load_arrays(training.digits_path("validation"))["indices"][3])
    explanation = explain(training, "validation", index)
    assert explanation.probabilities == pytest.approx(recorded_probabilities(training, explanation.epoch, 3), abs=2e-3)
    images = training.load_arrays(training.digits_path("validation"))["images"][:40]
    predicted = predict_live(training, np.concatenate([images, images]))  # more than one request holds
    assert len(predicted.probabilities) == len(predicted.distances) == 80
    if predicted.epoch == explanation.epoch:
        assert predicted.probabilities[3] == pytest.approx(explanation.probabilities, abs=1e-5)
    with pytest.raises(RunError, match="783 bytes"):
        predict_live(training, np.zeros((1, 27, 29), np.uint8))
    with pytest.raises(RunError, match="no image 70000"):
        explain(training, "validation", 70_000)
    with pytest.raises(RunError, match="split 'dreams'"):
        explain(training, "dreams", 0)


def test_an_ended_run_is_explained_by_another_engine_and_trains_on(stopped: RunDirectory) -> None:
    size, epochs = stopped.events_path.stat().st_size, summarize(stopped).epochs_done
    client.load_model(stopped)
    viewer = client.Attachment(stopped, "a test")
    deadline = time.monotonic() + TIMEOUT
    while not viewer.alive:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    arrays = stopped.load_arrays(stopped.digits_path("test"))
    explanation = explain(stopped, "test", int(arrays["indices"][3]))
    assert explanation.probabilities == pytest.approx(recorded_probabilities(stopped, "test", 3), abs=2e-3)
    given = GivenDigit(arrays["images"][3].tobytes(), int(arrays["labels"][3]))
    assert explain(stopped, "set-mine", 3, given) == explanation
    images, before = arrays["images"][:5], stopped.load_arrays(stopped.predictions_path("test"))["probabilities"][:5]
    live, job = predict_live(stopped, images), predict_in_job(stopped, images, lambda _: None)
    for predicted in (live, job):
        assert np.array(predicted.probabilities) == pytest.approx(before, abs=2e-3)
    assert live.distances == pytest.approx(job.distances, abs=1e-4)
    assert live.limit == pytest.approx(job.limit, abs=1e-4)
    with pytest.raises(RunError, match="783 bytes"):
        explain(stopped, "set-mine", 3, GivenDigit(bytes(783), 0))
    with pytest.raises(RunError, match="has ended"):
        client.send(stopped, Pause(by="a test"))
    assert summarize(stopped).status is Status.STOPPED
    assert stopped.events_path.stat().st_size == size, "loading the model leaves no trace"

    client.send(stopped, SetEpochs(by="a test", epochs=epochs + 1))
    events_until(stopped, lambda event: isinstance(event, RunEnded) and event.reason is EndReason.COMPLETED)
    viewer.close()
    events = events_until(stopped)
    assert sum(isinstance(event, RunEnded) for event in events) == 2
    assert sum(isinstance(event, RunResumed) for event in events) == 1
    assert summarize(stopped).epochs_done == epochs + 1


def test_an_engine_leaves_no_temporary_files(stopped: RunDirectory, temporary_files: Path) -> None:
    assert not stopped.is_live()
    assert not list(temporary_files.glob("**/*autograph*"))
    assert not list(temporary_files.glob("mnist-tui-engine-*"))


def test_another_data_set_is_evaluated(stopped: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reports = list(client.do_job(stopped, "evaluate", "mnist"))
    assert not list(tmp_path.iterdir())
    assert reports[-1].name == "set-mnist"
    assert [report.progress for report in reports] == sorted(report.progress for report in reports)
    found = stopped.load_arrays(stopped.predictions_path("set-mnist"))
    assert found["probabilities"].shape == (10_000, 10)
    assert len(stopped.load_arrays(stopped.digits_path("set-mnist"))["images"]) == 10_000
    test = stopped.load_arrays(stopped.predictions_path(TEST_AGAIN))
    assert found["probabilities"][test["indices"]] == pytest.approx(test["probabilities"], abs=1e-2)


def test_a_submission_has_the_predictions_in_the_order_of_the_file(
    stopped: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = stopped.load_arrays(stopped.digits_path("test"))
    predicted = stopped.load_arrays(stopped.predictions_path(TEST_AGAIN))["probabilities"].argmax(axis=1)
    pixels = pd.DataFrame(digits["images"].reshape(-1, 784), columns=[f"pixel{number}" for number in range(784)])
    pixels.to_csv(tmp_path / "test.csv", index=False)
    written = tmp_path / "submission.csv"
    monkeypatch.setenv(HOME_VARIABLE, str(stopped.path.parent))
    command = ["mnist-tui", "submit", stopped.id, str(tmp_path / "test.csv"), "-o", str(written)]
    assert status(command, monkeypatch) == 0
    submission = pd.read_csv(written)
    assert list(submission.columns) == ["ImageId", "Label"]
    assert submission["ImageId"].tolist() == list(range(1, len(predicted) + 1))
    assert (submission["Label"] == predicted).mean() > 0.99  # bfloat16 of the training may round otherwise


def test_an_unreadable_data_set_is_an_error(stopped: RunDirectory) -> None:
    with pytest.raises(RunError, match=r"no-such\.npz"):
        list(client.do_job(stopped, "evaluate", "no-such.npz"))
    assert not stopped.predictions_path("set-no-such").exists()


def test_a_cross_check_predicts_every_digit_with_a_model_that_has_not_seen_it(
    stopped: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_check, "MIN_STEPS", 40)
    monkeypatch.setitem(PRESETS, "fast", PRESETS["mlp"])
    monkeypatch.setattr(type(backends.current()), "prepare", lambda *_: None)  # it would last beyond this test
    assert list(cross_check.cross_check_labels(stopped))[-1].name == "train"
    found = stopped.load_arrays(stopped.predictions_path("train"))
    validation = stopped.load_arrays(stopped.digits_path("validation"))
    assert len(found["labels"]) == LIMIT
    assert set(validation["indices"]) < set(found["indices"])
    right = found["probabilities"].argmax(axis=1) == found["labels"]
    assert 0.4 < right.mean() < 0.9999, "better than guessing, but not memorized"

"""Whole runs on a few real images, most of them in real engines."""

import os
import signal
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from mnist_tui.config import ConfigError
from mnist_tui.control import client
from mnist_tui.control.protocol import Stop
from mnist_tui.events import (
    AlertKind,
    AlertRaised,
    AnyEvent,
    CheckpointSaved,
    EndReason,
    EpochEnded,
    Phase,
    PhaseChanged,
    RunEnded,
    RunFailed,
    RunStarted,
    SettingChanged,
    StepEnded,
)
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.engine import in_process
from tests.engine.conftest import Start, engines, events_until

SETTINGS = {"limit": 1_440, "epochs": 2, "batch_size": 66, "seed": 11}
LONG = {"preset": "mlp", "limit": 1_440, "epochs": 10_000}
"""Settings of a run that does not end before a test has acted."""


def is_first_step(event: object) -> bool:
    return isinstance(event, StepEnded)


def losses(events: list[AnyEvent]) -> list[float | None]:
    return [event.metrics["loss"] for event in events if isinstance(event, StepEnded)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunDirectory]:
    """Run that a real engine has trained to the end."""
    with engines(tmp_path_factory.mktemp("home")) as start:
        run = start(**SETTINGS, name="whole")
        events_until(run)
        yield run


def test_a_run_leaves_everything_that_readers_need(finished: RunDirectory) -> None:
    run, events = finished, events_until(finished)

    assert isinstance(events[-1], RunEnded), events[-1]
    assert [event.phase for event in events if isinstance(event, PhaseChanged)] == [
        Phase.IMPORTING,
        Phase.LOADING,
        Phase.BUILDING,
        Phase.COMPILING,
        Phase.TRAINING,
        Phase.VALIDATING,
        Phase.TRAINING,
        Phase.VALIDATING,
        Phase.TESTING,
    ]
    started = next(event for event in events if isinstance(event, RunStarted))
    assert (started.train_count, started.validation_count, started.test_count) == (1_320, 120, 1_440)
    assert started.steps_per_epoch == 20
    steps = [event for event in events if isinstance(event, StepEnded)]
    assert [step.step for step in steps] == list(range(1, 41))
    assert [step.epoch for step in steps] == [1] * 20 + [2] * 20
    correct = [(step.metrics["accuracy"] or 0.0) * 66 for step in steps]
    assert correct == pytest.approx([round(count) for count in correct], abs=1e-3), "accuracy of more than one step"
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    first = [step.metrics["loss"] or 0.0 for step in steps[:20]]
    assert epochs[0].train["loss"] == pytest.approx(sum(first) / 20, rel=1e-6)
    assert all(np.sum(epoch.confusion) == 120 for epoch in epochs)
    saved = [(event.path, event.epoch) for event in events if isinstance(event, CheckpointSaved)]
    assert saved[0] == ("checkpoints/step-000000000.npz", 0)
    assert ("model.keras", 1) in saved
    assert saved[-1] == ("checkpoints/step-000000040.npz", 2)

    for epoch in epochs:
        arrays = run.load_arrays(run.predictions_path(epoch.epoch))
        assert arrays["probabilities"].shape == (120, 10)
        predicted = arrays["probabilities"].argmax(axis=1)
        confusion = np.zeros((10, 10), int)
        np.add.at(confusion, (arrays["labels"], predicted), 1)
        assert np.array_equal(confusion, epoch.confusion)
    digits = run.load_arrays(run.digits_path("validation"))
    assert np.array_equal(digits["indices"], arrays["indices"])

    summary = summarize(run)
    assert (summary.status, summary.epochs_done, summary.steps_done) == (Status.FINISHED, 2, 40)
    record = run.record()
    assert record.data_checksum is not None
    assert record.versions.keys() >= {"keras", "tensorflow", "numpy", "python", "mnist-tui"}
    assert not list(run.path.rglob(".*")), "temporary files are left"

    check_saved_model(run, events[-1])


def check_saved_model(run: RunDirectory, ended: RunEnded) -> None:
    """Check that model.keras has the reported accuracy in stock Keras, without code of this program."""
    import keras

    model = keras.saving.load_model(run.model_path, safe_mode=True)
    test = run.load_arrays(run.digits_path("test"))
    _, accuracy = model.evaluate(test["images"][..., None], test["labels"], verbose=0)
    assert accuracy == pytest.approx(ended.test_accuracy, abs=1e-4)


DRIVER = """
nvmlInit = lambda: None
nvmlDeviceGetCount = lambda: 1
nvmlDeviceGetHandleByIndex = lambda number: number
nvmlDeviceGetName = lambda gpu: "NVIDIA T1000"
nvmlDeviceGetCudaComputeCapability = lambda gpu: (7, 5)
"""
"""Module pynvml of a machine with a GPU that the installed backend does not see."""


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_an_unused_gpu_raises_an_alert_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    (tmp_path / "pynvml.py").write_text(DRIVER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    events = in_process.train(
        in_process.new_run(preset="mlp", limit=120, device=device), in_process.crash_at(is_first_step)
    )
    alerts = [event.text for event in events if isinstance(event, AlertRaised) and event.kind is AlertKind.IDLE_GPU]
    assert len(alerts) == (device == "auto")
    for part in ("NVIDIA T1000", "pip install 'mnist-tui[gpu]'", "--device cpu")[: 3 * len(alerts)]:
        assert part in alerts[0]


def test_the_same_seed_gives_the_same_losses(finished: RunDirectory, start: Start) -> None:
    again = start(**SETTINGS)
    first = losses(events_until(again, lambda event: isinstance(event, StepEnded) and event.step == 20))
    assert len(first) == 20
    assert first == losses(events_until(finished))[:20]


def test_stop_ends_the_run_after_the_batch_with_a_test_and_a_model(start: Start) -> None:
    run = start(**LONG)
    events_until(run, is_first_step)
    client.send(run, Stop(by="test"))
    events = events_until(run)
    changed = next(event for event in events if isinstance(event, SettingChanged))
    assert (changed.setting, changed.by) == ("stop", "test")
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.reason is EndReason.STOPPED
    assert ended.test_accuracy is not None
    assert run.model_path.exists()
    assert summarize(run).status is Status.STOPPED
    assert len([event for event in events if isinstance(event, EpochEnded)]) >= 1


@pytest.mark.fresh_engines
def test_stop_now_ends_the_run_at_once(start: Start) -> None:
    run = start(**LONG)
    events_until(run, is_first_step)
    client.send(run, Stop(by="test", now=True))
    ended = events_until(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.reason is EndReason.KILLED
    assert ended.test_accuracy is None
    assert summarize(run).status is Status.STOPPED


def test_a_killed_engine_is_reported_as_crashed_and_its_socket_is_private(start: Start) -> None:
    run = start(**LONG, on_end="/bin/sh -c 'echo $MNIST_TUI_STATUS; exit 3'")
    events_until(run, is_first_step)
    endpoint = run.endpoint()
    assert endpoint is not None
    assert endpoint.socket is not None
    socket = Path(endpoint.socket)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert summarize(run).status is Status.TRAINING
    assert summarize(run).pid == endpoint.pid

    os.kill(endpoint.pid, signal.SIGKILL)
    events_until(run)
    summary = summarize(run)
    assert summary.status is Status.CRASHED
    assert summary.pid is None
    assert summary.steps_done >= 1
    deadline = time.monotonic() + 60
    while not (ran := summarize(run).history.commands):
        assert time.monotonic() < deadline, run.log_path.read_text()
        time.sleep(0.05)
    assert [event.text for event in ran] == ["sh exited with status 3: crashed"]
    assert summarize(run).status is Status.CRASHED
    with pytest.raises(RunError, match="has no live engine"):
        client.send(run, Stop(by="test"))


def is_engine_of(process: psutil.Process, run: RunDirectory) -> bool:
    return process.status() != psutil.STATUS_ZOMBIE and str(run.path) in process.cmdline()


@pytest.mark.fresh_engines
@pytest.mark.parametrize(("early", "number"), [(True, signal.SIGTERM), (False, signal.SIGINT)])
def test_a_signal_stops_like_a_request(start: Start, early: bool, number: signal.Signals) -> None:
    run = start(**LONG)
    deadline = time.monotonic() + 60
    while not (engines := [child for child in psutil.Process().children() if is_engine_of(child, run)]):
        assert time.monotonic() < deadline, "no engine was started"
    (engine,) = engines
    if not early:
        events_until(run, is_first_step)
    engine.send_signal(number)
    ended = events_until(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.reason is EndReason.STOPPED


def test_a_run_without_a_test_keeps_its_best_model_and_ends_untested() -> None:
    run = in_process.new_run(preset="mlp", epochs=1, limit=120, test="off")
    ended = in_process.train(run)[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.reason, ended.test_accuracy, ended.best_epoch) == (EndReason.COMPLETED, None, 1)
    assert run.model_path.exists()
    assert not run.predictions_path("test").exists()


def test_a_run_ends_once_a_validation_reaches_the_target_and_trains_on_when_asked() -> None:
    run = in_process.new_run(preset="mlp", epochs=4, limit=240, test="off", until="accuracy:10.1")
    events = in_process.train(run)
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.reason is EndReason.TARGET
    reached = [event.validation_accuracy >= 0.101 for event in events if isinstance(event, EpochEnded)]
    assert reached == [*[False] * (len(reached) - 1), True]
    assert len(reached) < 4, "the last epoch would have ended the run anyway"
    again = in_process.resume(run, epochs=4)
    assert SettingChanged in map(type, again), "the target is dropped in words"
    assert isinstance(again[-1], RunEnded)
    assert (again[-1].reason, len([each for each in again if isinstance(each, EpochEnded)])) == (EndReason.COMPLETED, 4)


def test_a_target_below_the_lowest_loss_starts_no_run() -> None:
    with pytest.raises(ConfigError, match="label smoothing"):
        in_process.new_run(preset="fast", limit=240, until="loss:0.03")


def test_an_error_in_the_engine_ends_the_run_with_a_message(tmp_path: Path) -> None:
    data = tmp_path / "digits.npz"
    labels = np.arange(240, dtype=np.uint8) % 10
    images = np.zeros((240, 28, 28), np.uint8)
    np.savez(data, x_train=images, y_train=labels, x_test=images, y_test=labels)
    run = in_process.new_run(data=data)
    data.write_bytes(b"rubbish")  # damaged after the check of the settings
    failed = in_process.train(run)[-1]
    assert isinstance(failed, RunFailed)
    assert "digits.npz cannot be read" in failed.error
    assert summarize(run).status is Status.FAILED

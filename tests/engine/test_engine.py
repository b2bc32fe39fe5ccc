"""Real engines in processes of their own, on a few real digits."""

import os
import signal
import stat
from pathlib import Path

import numpy as np
import pytest

from mnist_tui.control import client
from mnist_tui.control.protocol import Stop
from mnist_tui.events import (
    AlertKind,
    AlertRaised,
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
from tests.engine.conftest import Start, events_until


def is_step(event: object) -> bool:
    return isinstance(event, StepEnded)


def losses(run: RunDirectory) -> list[float | None]:
    return [event.metrics["loss"] for event in events_until(run) if isinstance(event, StepEnded)]


def test_a_run_leaves_everything_that_readers_need(start: Start) -> None:
    run = start(limit=1_440, epochs=2, batch_size=66, name="whole")
    events = events_until(run)

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
    right = [(step.metrics["accuracy"] or 0.0) * 66 for step in steps]
    assert right == pytest.approx([round(count) for count in right], abs=1e-3), "a step's accuracy is not its own"
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
        answers = arrays["probabilities"].argmax(axis=1)
        confusion = np.zeros((10, 10), int)
        np.add.at(confusion, (arrays["labels"], answers), 1)
        assert np.array_equal(confusion, epoch.confusion)
    pictures = run.load_arrays(run.digits_path("validation"))
    assert np.array_equal(pictures["indices"], arrays["indices"])

    summary = summarize(run)
    assert (summary.status, summary.epochs_done, summary.steps_done) == (Status.FINISHED, 2, 40)
    record = run.record()
    assert record.data_checksum is not None
    assert record.versions.keys() >= {"keras", "tensorflow", "numpy", "python", "mnist-tui"}
    assert not list(run.path.rglob(".*")), "temporary files are left"

    check_saved_model(run, events[-1])


def check_saved_model(run: RunDirectory, ended: RunEnded) -> None:
    """model.keras in stock Keras, with no code of ours, gives the accuracy that was reported."""
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
"""A module pynvml: as on a machine whose GPU the installed backend does not see."""


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_gpu_that_is_not_trained_on_is_told_with_the_mend(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    (tmp_path / "pynvml.py").write_text(DRIVER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    run = start(preset="mlp", limit=720, epochs=1, device=device)
    events = events_until(run)
    assert isinstance(events[-1], RunEnded), events[-1]
    said = [event.text for event in events if isinstance(event, AlertRaised) and event.kind is AlertKind.IDLE_GPU]
    expected = (
        "trains on the CPU, as Keras does not see the NVIDIA T1000: pip install 'mnist-tui[gpu]', or give --device cpu"
    )
    assert said == ([expected] if device == "auto" else [])


def test_the_same_seed_gives_the_same_losses(start: Start) -> None:
    settings = {"limit": 1_440, "epochs": 1, "batch_size": 64, "seed": 11}
    first, second = start(**settings), start(**settings)
    one, two = losses(first)[:20], losses(second)[:20]
    assert len(one) == 20
    assert one == two


def test_stop_ends_the_run_after_the_batch_evaluated_and_saved(start: Start) -> None:
    run = start(limit=6_000, epochs=50)
    events_until(run, is_step)
    client.send(run, Stop(by="test"))
    events = events_until(run)
    asked = next(event for event in events if isinstance(event, SettingChanged))
    assert (asked.setting, asked.by) == ("stop", "test")
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.reason is EndReason.STOPPED
    assert ended.test_accuracy is not None
    assert run.model_path.exists()
    assert summarize(run).status is Status.STOPPED
    assert len([event for event in events if isinstance(event, EpochEnded)]) >= 1


def test_stop_now_ends_the_run_at_once(start: Start) -> None:
    run = start(limit=6_000, epochs=50)
    events_until(run, is_step)
    client.send(run, Stop(by="test", now=True))
    ended = events_until(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.reason is EndReason.KILLED
    assert ended.test_accuracy is None
    assert summarize(run).status is Status.STOPPED


def test_a_killed_engine_is_known_as_crashed_and_its_socket_is_private(start: Start) -> None:
    run = start(limit=6_000, epochs=50)
    events_until(run, is_step)
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
    with pytest.raises(RunError, match="has no live engine"):
        client.send(run, Stop(by="test"))


def test_sigterm_stops_in_good_order(start: Start) -> None:
    run = start(limit=6_000, epochs=50)
    events_until(run, is_step)
    endpoint = run.endpoint()
    assert endpoint is not None
    os.kill(endpoint.pid, signal.SIGTERM)
    ended = events_until(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.reason is EndReason.STOPPED


def test_what_goes_wrong_in_the_engine_is_an_event_with_a_sentence(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "digits.npz"
    labels = np.arange(240, dtype=np.uint8) % 10
    images = np.zeros((240, 28, 28), np.uint8)
    np.savez(data, x_train=images, y_train=labels, x_test=images, y_test=labels)
    run = start(data=data)
    data.write_bytes(b"rubbish")  # damaged between the check and the engine's own reading
    failed = events_until(run)[-1]
    assert isinstance(failed, RunFailed)
    assert "digits.npz is damaged" in failed.error
    assert summarize(run).status is Status.FAILED

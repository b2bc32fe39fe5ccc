"""Several steps per execution: every step, image and metric is still counted correctly."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from mnist_tui.control import client
from mnist_tui.control.protocol import Step, Stop
from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.models.evaluation import one_hot
from mnist_tui.engine.models.presets import PRESETS, compile_model, one_cycle
from mnist_tui.engine.recording import checkpoints
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.training.callbacks import PrepareExecution, RecordSteps
from mnist_tui.events import EpochEnded, Event, RunResumed, RunStarted, StepEnded
from mnist_tui.image_layout import MNIST_SHAPE
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.progress import progress
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.engine.conftest import Start, engines, events_until
from tests.engine.held import hold_at
from tests.engine.samples import few_digits
from tests.engine.test_resume import history_of
from tests.kit import samples

SETTINGS = {
    "preset": "mlp",
    "limit": 720,
    "batch_size": 70,
    "seed": 5,
    "epochs": 2,
    "steps_per_execution": 4,
}
"""660 training images: 9 batches of 70 and one of 30 an epoch, in executions of 4, 4 and 2 steps."""
ENDS = [4, 8, 10, 14, 18, 20]
IMAGES = [280, 280, 100]
has_jax = pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")


@pytest.fixture(
    scope="module", params=[pytest.param("tensorflow", marks=pytest.mark.full), pytest.param("jax", marks=has_jax)]
)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunDirectory]:
    """A run that was trained without interruption."""
    with engines(tmp_path_factory.mktemp("home")) as start:
        run = start(**SETTINGS, backend=request.param)
        events_until(run)
        yield run


def test_steps_images_rates_and_epochs_are_those_of_single_steps(finished: RunDirectory) -> None:
    events = events_until(finished)
    started = next(event for event in events if isinstance(event, RunStarted))
    assert started.steps_per_epoch == 10
    steps = [event for event in events if isinstance(event, StepEnded)]
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert [step.step for step in steps] == ENDS
    assert [step.epoch for step in steps] == [1] * 3 + [2] * 3
    assert [epoch.step for epoch in epochs] == [10, 20]
    for epoch in epochs:
        for key in ("loss", "accuracy"):
            values = [step.metrics[key] or 0.0 for step in steps if step.epoch == epoch.epoch]
            assert epoch.train[key] == pytest.approx(np.average(values, weights=IMAGES))
    rates = [one_cycle(step, 20, finished.record().config.learning_rate) for step in range(20)]
    for step, begin in zip(steps, [0, *ENDS], strict=False):
        assert step.metrics["learning_rate"] == pytest.approx(np.mean(rates[begin : step.step]))
    assert summarize(finished).steps_done == 20
    seen = progress(history_of(finished), events[-1].time)
    assert (seen.step, seen.steps, seen.run_fraction) == (20, 20, 1.0)


def test_a_run_is_stepped_stopped_and_resumed_between_executions(finished: RunDirectory, start: Start) -> None:
    run = start(**SETTINGS, backend=finished.record().config.backend)
    hold_at(run, 9)
    before = summarize(run).steps_done
    client.send(run, Step(by="a test", count=3))  # one execution of 4 steps
    events_until(run, lambda event: isinstance(event, StepEnded) and event.step == before + 4)
    client.send(run, Stop(by="a test"))
    events_until(run)
    stopped = checkpoints.read(run)
    assert stopped is not None
    assert (stopped.state.epoch, stopped.state.step) == (1, before + 4)
    assert stopped.state.digits == stopped.state.batch * 70

    client.resume(run, "a test")
    events = events_until(run)
    resumed = next(event for event in events if isinstance(event, RunResumed))
    assert (resumed.step, resumed.epoch) == (stopped.state.step, 1)
    history = history_of(run)
    assert history.steps.column("step").tolist() == ENDS
    assert [epoch.step for epoch in history.epochs] == [10, 20]
    assert summarize(run).status is Status.FINISHED
    assert np.array_equal(history.steps.column("loss"), history_of(finished).steps.column("loss"))


def test_an_execution_computes_what_single_steps_compute() -> None:
    """The learning rate is constant: a schedule's is averaged over an execution."""
    preset, digits = PRESETS["fast"], few_digits(220)
    keras.utils.set_random_seed(0)
    original = preset.build(MNIST_SHAPE, 10)
    outcomes = []
    for count in (1, 4):
        model = backends.current().prepare_model(original, Plan(on_gpu=False))
        for layer in model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0  # two models drop different units
        compile_model(preset, model, "sgd", 0.001, jit=False)
        model.steps_per_execution = count
        state = TrainingState.initial(samples.config())
        emit = RecordSteps(lambda _: None, state, 20, 220)
        batches = backends.current().batches(Feed(digits.images[..., None], one_hot(digits.labels, 10), 20))
        model.fit(batches, verbose=0, callbacks=[PrepareExecution(lambda: 0.001), emit])
        outcomes.append((state, model.get_weights()))
    (one, single_weights), (other, weights) = outcomes
    assert (one.step, one.batch, one.digits) == (other.step, other.batch, other.digits) == (11, 11, 220)
    assert other.sums["loss"] == pytest.approx(one.sums["loss"], rel=1e-4)
    assert other.sums["accuracy"] == pytest.approx(one.sums["accuracy"])
    for single, together in zip(single_weights, weights, strict=True):
        assert together == pytest.approx(single, abs=1e-4)


@has_jax
def test_a_speculative_execution_counts_only_if_nothing_has_changed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.engine.early", str(tmp_path / "early.npz")]
    done = subprocess.run(
        command, env=os.environ | {"KERAS_BACKEND": "jax"}, check=True, capture_output=True, text=True
    )
    assert "no CUDA graph" in done.stderr
    with np.load(tmp_path / "early.npz") as archive:
        got = dict(archive)
    expected = {
        "in turn": (0, 0),
        "early": (5, 0),
        "another rate": (0, 4),
        "predicted": (5, 0),
        "touched": (1, 4),
        "no graph": (5, 0),
    }
    for case, counts in expected.items():
        assert (got[f"{case}: hits"], got[f"{case}: misses"]) == counts, case
        assert np.array_equal(got[f"{case}: weights"], got["in turn: weights"]), case


def test_an_execution_that_went_on_during_a_pause_does_not_count_for_the_speed() -> None:
    emitted: list[Event] = []
    emit = RecordSteps(emitted.append, TrainingState.initial(samples.config()), 20, 1_000)
    model = SimpleNamespace(steps_per_execution=4, optimizer=SimpleNamespace(learning_rate=0.1))
    emit.set_model(model)
    emit.on_train_begin()
    for _ in range(3):
        time.sleep(0.05)
        emit.on_train_batch_begin(0)
        emit.on_train_batch_end(3, {"loss": 1.0, "accuracy": 0.5})
    emit.restart_timing()
    emit.on_train_batch_begin(0)
    emit.on_train_batch_end(3, {"loss": 1.0, "accuracy": 0.5})
    emit.on_train_begin()  # of the next epoch, whose first execution is under way
    emit.on_train_batch_begin(0)
    emit.on_train_batch_end(3, {"loss": 1.0, "accuracy": 0.5})
    speeds = [event.metrics["images_per_second"] or 0.0 for event in emitted if isinstance(event, StepEnded)]
    assert all(0 < speed <= 80 / 0.05 for speed in speeds[:3])
    assert speeds[3:] == [speeds[2]] * 2

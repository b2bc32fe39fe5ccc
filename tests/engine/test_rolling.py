"""Rolling evaluation: within its budget, without a trace in the training, and kept in bounded files."""

import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.engine import backends
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.evaluation import one_hot
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.recording.retrying_writer import RetryingWriter
from mnist_tui.engine.training import highest_loss, rolling
from mnist_tui.engine.training.rolling import RollingEvaluation, losses, stratified_order
from mnist_tui.events import AlertRaised, EpochEnded, Event, RollingEvaluated
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import EvaluationPoint
from mnist_tui.metrics import METRICS, Metric
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.highest_loss import HIGHEST_LOSS, HighestLosses
from mnist_tui.runs.history import History
from tests.engine import in_process
from tests.engine.samples import few_digits
from tests.engine.test_resume import history_of, last_weights, save_and_crash
from tests.kit import samples

STEP_SECONDS = 0.025
SETTINGS = {"preset": "fast", "limit": 240, "epochs": 2, "batch_size": 44, "seed": 5}
"""5 steps an epoch, 20 validation images."""


@pytest.fixture
def unlimited() -> Iterator[None]:
    """A budget for a slice, and news, after each step."""
    with (
        patch.multiple(rolling, MARGIN=1e9, FIRST_INTERVAL=0.0, NEWS_SECONDS=0.0),
        patch.multiple(highest_loss, MARGIN=1e9, FIRST_SECONDS=0.0, NEWS_SECONDS=0.0),
    ):
        yield


class Bench:
    """A rolling evaluation of a model that predicts at once, on a clock that a test moves."""

    def __init__(
        self, path: Path, digits: Digits, *, percent: float = 2.0, classes: int = 10, jit: bool = False
    ) -> None:
        path.mkdir(exist_ok=True)
        self.run = RunDirectory(path)
        self.events: list[Event] = []
        self.now, self.image_seconds, self.sizes = 1_000.0, 0.0001, list[int]()
        self.state = TrainingState.initial(samples.config())
        writer = RetryingWriter(self.run, self.events.append)
        context: Any = SimpleNamespace(
            run=self.run,
            writer=writer,
            event_writer=SimpleNamespace(emit=self.events.append),
            steering=SimpleNamespace(state=self.state),
        )
        optimizer = SimpleNamespace(use_ema=False)
        model = SimpleNamespace(optimizer=optimizer, loss=keras.losses.CategoricalCrossentropy())
        self.classes = classes
        self.rolling = RollingEvaluation(context, digits, classes, percent)
        plan = SimpleNamespace(jit=jit, steps_per_execution=1)
        compiled: Any = SimpleNamespace(model=model, reader=lambda: model, plan=plan)
        self.rolling.start_member(compiled)
        self.wait = writer.wait

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Predict class 0, with a confidence that grows with the steps."""
        self.now += self.image_seconds * len(images)
        self.sizes.append(len(images))
        probabilities = np.full((len(images), self.classes), 0.5 / (self.classes - 1), np.float32)
        probabilities[:, 0] = 0.5
        return probabilities

    def train(self, steps: int) -> list[RollingEvaluated]:
        """Train steps of STEP_SECONDS; return all events so far."""
        clock = SimpleNamespace(monotonic=lambda: self.now, time=time.time, thread_time=lambda: 0.0)
        predictor = patch.object(backends.current(), "predictor", lambda _: self.predict)
        with patch.object(rolling, "time", clock), predictor:
            for _ in range(steps):
                self.now += STEP_SECONDS
                self.state.step += 1
                self.rolling.after_execution()
        self.wait()
        return [event for event in self.events if isinstance(event, RollingEvaluated)]


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[..., Bench]:
    return lambda count=1_000, **options: Bench(tmp_path / "run", few_digits(count), **options)


@pytest.mark.parametrize("preset", ["fast", pytest.param("best", id="best (EMA)", marks=pytest.mark.full)])
@pytest.mark.usefixtures("unlimited")
def test_a_run_trains_bit_for_bit_as_without_also_after_a_crash(preset: str) -> None:
    settings = SETTINGS | {"preset": preset, "kept_epochs": 0}
    plain = in_process.new_run(**settings, rolling=0)
    assert not any(isinstance(event, RollingEvaluated) for event in in_process.train(plain))
    run = in_process.new_run(**settings)
    assert not (plain.path / HIGHEST_LOSS).exists()
    crashed = [event for event in in_process.train(run, save_and_crash(6, 9)) if isinstance(event, RollingEvaluated)]
    assert [event.step for event in crashed] == list(range(1, 9))
    resumed = in_process.resume(run)
    for one, other in zip(last_weights(plain), last_weights(run), strict=True):
        np.testing.assert_array_equal(one, other)
    history, inspector = history_of(run), Inspector(run, run.record())
    assert [event.step for event in history.rolling] == list(range(1, 11))
    assert history.rolling[6:] == [event for event in resumed if isinstance(event, RollingEvaluated)][-4:]
    _check_files(inspector, history)
    _check_highest_loss(HighestLosses.read(run))
    (first, second), (third, fourth) = [
        [event for event in each if isinstance(event, EpochEnded)]
        for each in (history.epochs, history_of(plain).epochs)
    ]
    assert (first.validation, second.validation) == (third.validation, fourth.validation)


def _check_highest_loss(found: HighestLosses) -> None:
    """Check the file of the second epoch, which was resumed after its first batch of 44 images."""
    assert (found.epoch, found.trained, found.predicted_count) == (2, 220, 176)
    assert len(set(found.indices.tolist())) == len(found.losses) == 64
    assert set(found.steps.tolist()) <= {7, 8, 9, 10}
    assert np.all(np.diff(found.losses) <= 0)
    assert np.all(found.losses[found.labels == found.predicted] < np.log(10))


def _check_files(inspector: Inspector, history: History) -> None:
    """Check that the predictions of every rolling evaluation are those that its event counts."""
    points = [point for point in inspector.points(history) if point.step is not None]
    assert [point.step for point in points] == [event.step for event in history.rolling]
    for point, event in zip(points, history.rolling, strict=True):
        found = inspector.findings(point, history)
        assert len(found.predictions) == event.count
        assert found.table.correct.mean() == pytest.approx(event.validation["accuracy"])
        assert found.predictions.steps is not None
        assert (found.predictions.steps.min(), found.predictions.steps.max()) == (event.first_step, event.step)


@pytest.mark.usefixtures("unlimited")
def test_the_last_rolling_figures_of_unchanged_weights_are_those_of_the_validation() -> None:
    run = in_process.new_run(**SETTINGS | {"epochs": 1, "preset": "mlp"})
    in_process.train(run)
    history = history_of(run)
    last, epoch = history.rolling[-1], history.epochs[0]
    assert (last.step, last.count) == (epoch.step, 20)
    assert last.confusion == epoch.confusion
    for key, value in epoch.validation.items():
        assert last.validation[key] == pytest.approx(value, rel=1e-5)
    read = Inspector(run, run.record()).predictions(EvaluationPoint(step=last.step))
    losses = -np.log(read.probabilities[np.arange(20), read.labels].astype(float))
    assert last.loss_error == pytest.approx(losses.std(ddof=1) / 20**0.5, rel=0.01)


class Noise(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """Layer that draws random numbers in inference, too."""

    def __init__(self) -> None:
        super().__init__()
        self._seeds = keras.random.SeedGenerator(3)

    def call(self, inputs: Any) -> Any:
        return inputs + keras.random.uniform(keras.ops.shape(inputs), seed=self._seeds)


def test_a_layer_that_draws_random_numbers_in_inference_draws_as_without() -> None:
    model = keras.Sequential([keras.Input((28, 28, 1)), Noise(), keras.layers.Flatten(), keras.layers.Dense(10)])
    images, predict = few_digits(20).images[..., None], backends.current().predictor(model)
    np.testing.assert_array_equal(predict(images), predict(images))
    assert not np.array_equal(model.predict_on_batch(images), model.predict_on_batch(images))


@pytest.mark.parametrize(("percent", "image_seconds"), [(2.0, 0.0001), (2.0, 0.0009), (0.5, 0.0001), (20.0, 0.0001)])
def test_it_keeps_the_budget_with_small_slices(
    make_bench: Callable[..., Bench], percent: float, image_seconds: float
) -> None:
    bench = make_bench(percent=percent)
    bench.image_seconds = image_seconds
    events = bench.train(1_600)
    took = sum(event.seconds for event in events[1:])
    assert 0.5 * percent / 100 < took / (bench.now - 1_000) <= percent / 100
    assert (
        max(bench.sizes[1:]) * image_seconds <= max(rolling.SLICE_SECONDS, rolling.LEAST_IMAGES * image_seconds) + 1e-9
    )


def test_it_brings_news_at_least_every_two_seconds_also_after_a_slice_was_interrupted(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    assert [event.step for event in bench.train(1)] == [1]
    times = [bench.now]
    for step in range(2, 2_001):
        bench.image_seconds = 0.005 if step < 40 else 0.002 if 600 <= step < 650 else 0.0001
        if len(bench.train(1)) > len(times):
            times.append(bench.now)
    assert times[1] - times[0] <= 1.5
    assert max(np.diff(times)) <= 2.0
    assert sum(event.seconds for event in bench.train(0)[1:]) <= 0.02 * (bench.now - 1_000)


def test_it_goes_round_the_images_in_stratified_order(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(200)
    events = bench.train(600)
    assert max(event.count for event in events) == 200
    assert all(2 * event.first_step >= event.step for event in events[1:])
    (matrix,) = (event.confusion for event in events if event is events[-1])
    assert [sum(row) for row in matrix] == np.bincount(few_digits(200).labels).tolist()


def test_every_stretch_of_the_order_has_all_classes_in_their_shares() -> None:
    labels = np.repeat([0, 1, 2], [600, 300, 100]).astype(np.uint8)
    order = stratified_order(labels)
    assert sorted(order) == list(range(1_000))
    for start in range(0, 1_000, 100):
        assert np.abs(np.bincount(labels[order[start : start + 100]], minlength=3) - [60, 30, 10]).max() <= 1


@pytest.mark.parametrize(("count", "jit"), [(7, False), (7, True), (0, False)])
def test_a_validation_set_that_is_smaller_than_a_slice_is_predicted_whole(
    make_bench: Callable[..., Bench], count: int, jit: bool
) -> None:
    bench = make_bench(count, jit=jit)
    events = bench.train(100)
    assert {event.count for event in events} == ({count} if count else set())
    assert set(bench.sizes) == ({count} if count else set())


def test_a_class_that_is_missing_has_an_empty_row_and_breaks_no_metric(make_bench: Callable[..., Bench]) -> None:
    def needs_all(_: Any) -> float:
        raise ValueError("a class is missing")

    with patch.dict(METRICS, needs_all=Metric("needs_all", "Needs all", from_validation=needs_all)):
        (event,) = make_bench(4, classes=12).train(1)
    assert len(event.confusion) == 12
    assert not any(event.confusion[11])
    assert {"loss", "accuracy"} <= event.validation.keys()


def test_files_are_bounded_and_the_newest_is_always_there(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    history = History(samples.record())
    with patch.object(rolling, "MOST_FILES", 10):
        for _ in range(12):
            events = bench.train(150)
            kept = bench.run.rolling_steps()
            assert len(kept) <= 10
            assert kept[-1] == events[-1].step
    history.apply_all(events)
    assert set(kept) <= {event.step for event in history.rolling}
    bench.rolling.rewind(1_000)
    assert max(bench.run.rolling_steps()) <= 1_000
    assert bench.train(1)[-1].count == rolling.FIRST_IMAGES


def test_events_of_many_classes_become_rarer(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(classes=100)
    with patch.object(rolling, "CELLS_AT_ONCE", 50_000):
        events = bench.train(2_000)
    assert 5 <= len(events) <= 9


def test_a_full_disk_raises_one_alert_and_the_newest_predictions_are_saved_later(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    full = patch.object(RunDirectory, "save_arrays", side_effect=OSError(errno.ENOSPC, "No space left on device"))
    with full:
        events = bench.train(400)
    assert len(events) >= 5
    assert sum(isinstance(event, AlertRaised) for event in bench.events) == 1
    assert not bench.run.rolling_steps()
    more = bench.train(100)
    assert [event.step for event in more] == sorted({event.step for event in more})
    assert bench.run.rolling_steps() == [event.step for event in more if event.step > events[-1].step]


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_losses_are_those_of_each_image_if_the_loss_is_their_mean(reduction: str) -> None:
    targets = one_hot(np.array([0, 1], np.uint8), 2)
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5]], np.float32)
    found = losses(keras.losses.CategoricalCrossentropy(reduction=reduction), targets, probabilities)
    each = -np.log([0.9, 0.5])
    np.testing.assert_allclose(found, each if reduction != "sum" else [each.sum()] * 2, rtol=1e-5)

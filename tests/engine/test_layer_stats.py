"""What is sampled of the layers, on a small network with known weights."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import time
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.training import layer_stats
from mnist_tui.engine.training.layer_stats import LayerSampler
from mnist_tui.events import LayerStats


@pytest.fixture
def digits() -> Digits:
    random = np.random.default_rng(0)
    labels = np.arange(40, dtype=np.uint8) % 2
    images = random.integers(0, 255, (40, 28, 28), dtype=np.uint8)
    return Digits(images, labels, np.arange(40, dtype=np.int32))


@pytest.fixture
def model() -> Any:
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255, name="rescale"),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.ReLU(name="relu"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dropout(0.5, name="dropout"),
            keras.layers.Dense(2, activation="softmax", name="probabilities"),
        ]
    )
    network.compile("sgd", loss=keras.losses.CategoricalCrossentropy())
    return network


def sampled(watch: LayerSampler, model: Any, change: float = 0.0) -> LayerStats:
    """The next sample; between its two batches the convolution's kernel grows by `change` of itself."""
    watch._next = 0.0
    assert watch.after_batch(1) is None
    kernel = model.get_layer("conv").kernel
    kernel.assign(kernel * (1 + change))
    stats = watch.after_batch(2)
    assert stats is not None
    return stats


def test_layers_with_weights_or_relu_units_are_told_with_their_sizes(model: Any, digits: Digits) -> None:
    stats = sampled(LayerSampler(lambda: model, digits, 2), model, change=0.01)
    assert stats.step == 2
    by_name = {layer.name: layer for layer in stats.layers}
    assert list(by_name) == ["conv", "norm", "relu", "probabilities"]
    conv, relu = by_name["conv"], by_name["relu"]
    weights = np.concatenate([np.asarray(one).ravel() for one in model.get_layer("conv").trainable_variables])
    assert conv.weight_norm == pytest.approx(np.linalg.norm(weights), rel=1e-5)
    assert conv.relative_step == pytest.approx(0.01 / 1.01, rel=1e-3)
    assert by_name["probabilities"].relative_step == 0
    assert (relu.weight_norm, relu.relative_step, relu.gradient_norm) == (None, None, None)
    assert by_name["norm"].dead_share is None


def test_gradient_norms_agree_with_a_small_step_of_the_loss(model: Any, digits: Digits) -> None:
    stats = sampled(LayerSampler(lambda: model, digits, 2), model)
    by_name = {layer.name: layer for layer in stats.layers}
    images, targets = digits.images[..., None].astype(np.float32), np.eye(2, dtype=np.float32)[digits.labels]
    bias = model.get_layer("probabilities").bias
    kernel = model.get_layer("probabilities").kernel

    def loss() -> float:
        return float(model.loss(targets, model(images, training=False)))

    slopes = []
    for variable in (bias,):
        start = np.asarray(variable)
        for place in range(start.size):
            step = np.zeros_like(start)
            step[place] = 1e-2
            variable.assign(start + step)
            higher = loss()
            variable.assign(start - step)
            slopes.append((higher - loss()) / 2e-2)
            variable.assign(start)
    of_bias = float(np.linalg.norm(slopes))
    norm = by_name["probabilities"].gradient_norm
    assert norm is not None
    assert norm >= of_bias * 0.99
    assert np.asarray(kernel).size
    norms = [layer.gradient_norm for layer in stats.layers if layer.gradient_norm is not None]
    assert stats.gradient_norm == pytest.approx(np.linalg.norm(norms), rel=1e-5)


def test_dead_units_are_counted(model: Any, digits: Digits) -> None:
    conv = model.get_layer("conv")
    conv.bias.assign(np.array([0.0, -1e6, -1e6, 0.0], np.float32))
    by_name = {layer.name: layer for layer in sampled(LayerSampler(lambda: model, digits, 2), model).layers}
    assert by_name["conv"].dead_share == pytest.approx(0.5, abs=0.26)
    assert by_name["conv"].dead_share is not None
    assert by_name["conv"].dead_share >= 0.5


def test_a_sample_changes_nothing_of_the_training(model: Any, digits: Digits) -> None:
    watch = LayerSampler(lambda: model, digits, 2)
    before = [np.array(variable) for variable in model.variables]
    sampled(watch, model)
    assert all(np.array_equal(old, np.asarray(new)) for old, new in zip(before, model.variables, strict=True))


def test_samples_become_rarer_where_they_cost_much(model: Any, digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watch = LayerSampler(lambda: model, digits, 2)
    sample = watch._sample

    def slow(*arguments: Any) -> LayerStats:
        now[0] += 0.5
        return sample(*arguments)

    monkeypatch.setattr(watch, "_sample", slow)
    taken = []
    for _ in range(2_000):
        now[0] += 0.1
        if watch.after_batch(1) is not None:
            taken.append(now[0])
    gaps = np.diff(taken)
    assert gaps[0] >= layer_stats.MIN_SECONDS_BETWEEN_SAMPLES
    assert all(gap >= 0.5 / layer_stats.COST_SHARE for gap in gaps[1:])

"""Layer statistics of a small model with known weights."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import time
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.analysis.log_histogram import BINS_A_SIDE, shares_of
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.training import layer_stats
from mnist_tui.engine.training.layer_stats import LayerSampler
from mnist_tui.events import LayerHistogram, LayerHistograms, LayerStats


@pytest.fixture
def digits() -> Digits:
    random = np.random.default_rng(0)
    labels = np.arange(40, dtype=np.uint8) % 2
    images = random.integers(0, 255, (40, 28, 28), dtype=np.uint8)
    return Digits(images, labels, np.arange(40, dtype=np.int32))


@pytest.fixture
def model() -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
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
    model.compile("sgd", loss=keras.losses.CategoricalCrossentropy())
    return model


def sampled(sampler: LayerSampler, model: Any, change: float = 0.0) -> LayerStats:
    """Return the next sample. Between its two batches the convolution's kernel grows by `change` of itself."""
    sampler._next = 0.0
    assert sampler.after_batch(1) == []
    kernel = model.get_layer("conv").kernel
    kernel.assign(kernel * (1 + change))
    stats = sampler.after_batch(2)[0]
    assert isinstance(stats, LayerStats)
    return stats


def histograms(sampler: LayerSampler, step: int) -> dict[str, LayerHistogram]:
    """Return the histograms of the next sample, by layer; empty if it has none."""
    sampler._next = 0.0
    sampler.after_batch(step)
    found = [event for event in sampler.after_batch(step) if isinstance(event, LayerHistograms)]
    return {layer.name: layer for event in found for layer in event.layers}


def test_layers_with_weights_or_relu_units_are_sampled(model: Any, digits: Digits) -> None:
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


def test_gradient_norms_are_those_of_the_loss(model: Any, digits: Digits) -> None:
    stats = sampled(LayerSampler(lambda: model, digits, 2), model)
    inputs = digits.images[..., None].astype(np.float32)
    features = np.asarray(keras.Model(model.inputs, model.get_layer("dropout").output)(inputs, training=False))
    errors = np.asarray(model(inputs, training=False)) - np.eye(2)[digits.labels]  # softmax and cross-entropy
    kernel, bias = features.T @ errors / len(digits), errors.mean(axis=0)
    norms = {layer.name: layer.gradient_norm for layer in stats.layers if layer.gradient_norm is not None}
    assert norms["probabilities"] == pytest.approx(np.sqrt(np.sum(kernel**2) + np.sum(bias**2)), rel=1e-3)
    assert stats.gradient_norm == pytest.approx(np.linalg.norm(list(norms.values())), rel=1e-5)


def test_dead_units_are_counted(model: Any, digits: Digits) -> None:
    model.get_layer("conv").bias.assign(np.array([10.0, -1e6, -1e6, 10.0], np.float32))
    by_name = {layer.name: layer for layer in sampled(LayerSampler(lambda: model, digits, 2), model).layers}
    assert by_name["conv"].dead_share == 0.5


def test_histograms_are_those_of_weights_gradients_and_outputs(model: Any, digits: Digits) -> None:
    model.get_layer("conv").kernel.assign(np.full((3, 3, 1, 4), -0.05, np.float32))
    found = histograms(LayerSampler(lambda: model, digits, 2), 2)
    conv, relu, last = found["conv"], found["relu"], found["probabilities"]
    assert conv.weights is not None
    assert (conv.weights.low, conv.weights.high) == (-3, 1)
    weights = shares_of(conv.weights.levels)
    assert weights[BINS_A_SIDE] == pytest.approx(4 / 40, abs=0.01)  # the biases, which start at 0
    assert weights[: BINS_A_SIDE - 7].sum() + weights[BINS_A_SIDE + 1 :].sum() == 0
    assert weights[BINS_A_SIDE - 7] == pytest.approx(36 / 40, abs=0.01)  # 0.05 is in the seventh of 4 bins a decade
    assert (relu.weights, relu.gradients) == (None, None)
    assert relu.activations is not None
    assert not any(relu.activations.levels[:BINS_A_SIDE])
    assert last.activations is not None
    assert last.gradients is not None
    gradients = shares_of(last.gradients.levels)
    # softmax and cross-entropy: what one of two classes gains, the other loses
    assert np.allclose(gradients, gradients[::-1], atol=0.01)


def test_an_output_of_a_nested_model_has_no_histogram(digits: Digits) -> None:
    inner = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
    model = keras.Sequential([keras.Input((28, 28, 1)), inner, keras.layers.Dense(2, "softmax", name="last")])
    model.compile("sgd", loss=keras.losses.CategoricalCrossentropy())
    found = histograms(LayerSampler(lambda: model, digits, 2), 2)
    assert found[inner.name].weights is not None
    assert found["last"].activations is not None


def test_weights_that_are_not_finite_have_no_histogram(model: Any, digits: Digits) -> None:
    model.get_layer("conv").kernel.assign(np.full((3, 3, 1, 4), np.nan, np.float32))
    model.get_layer("conv").bias.assign(np.full(4, np.nan, np.float32))
    assert histograms(LayerSampler(lambda: model, digits, 2), 2)["conv"].weights is None


def test_histograms_become_rarer_as_the_steps_grow(model: Any, digits: Digits) -> None:
    sampler = LayerSampler(lambda: model, digits, 2)
    taken = [step for step in (10, 20, 1_000, 1_004, 1_005, 1_009, 1_010) if histograms(sampler, step)]
    assert taken == [10, 20, 1_000, 1_005, 1_010]


def test_a_sample_changes_nothing_of_the_training(model: Any, digits: Digits) -> None:
    sampler = LayerSampler(lambda: model, digits, 2)
    before = [np.array(variable) for variable in model.variables]
    sampled(sampler, model)
    assert all(np.array_equal(old, np.asarray(new)) for old, new in zip(before, model.variables, strict=True))


@pytest.mark.parametrize("compiled", [True, False])
def test_the_first_sample_counts_unless_it_compiles(model: Any, digits: Digits, *, compiled: bool) -> None:
    sampler = LayerSampler(lambda: model, digits, 2)
    if compiled:
        sampler.compile()
    began = time.monotonic()
    sampled(sampler, model)
    assert sampler._next is not None
    if not compiled:
        assert sampler._next < time.monotonic() + layer_stats.MIN_SECONDS_BETWEEN_SAMPLES
    else:
        assert sampler._next >= began + sampler._cost / layer_stats.COST_SHARE


def test_expensive_samples_are_taken_less_often(model: Any, digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    sampler = LayerSampler(lambda: model, digits, 2)
    sample = sampler._sample

    def slow(*arguments: Any) -> list[LayerStats | LayerHistograms]:
        now[0] += 0.5
        return sample(*arguments)

    monkeypatch.setattr(sampler, "_sample", slow)
    taken = []
    for _ in range(2_000):
        now[0] += 0.1
        if sampler.after_batch(1):
            taken.append(now[0])
    gaps = np.diff(taken)
    assert gaps[0] >= layer_stats.MIN_SECONDS_BETWEEN_SAMPLES
    assert all(gap >= 0.5 / layer_stats.COST_SHARE for gap in gaps[1:])

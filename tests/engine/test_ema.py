"""EMA of the weights: it is validated, and does not affect training."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.engine.models.ema import fit_averages, use_ema_weights, validated_variables
from mnist_tui.engine.models.evaluation import one_hot, pixels
from mnist_tui.engine.models.presets import PRESETS, compile_model
from tests.engine.samples import few_digits

DECAY = 0.5


def first_kernel(model: Any) -> NDArray[np.float32]:
    return np.array(keras.ops.convert_to_numpy(model.trainable_variables[0]))


def trained(decay: float) -> tuple[Any, list[NDArray[np.float32]]]:
    """Train three steps, each a `fit` of its own; return the model and its first kernel after each."""
    preset = replace(PRESETS["mlp"], ema_decay=decay)
    model, digits, kernels = preset.build((28, 28, 1), 10), few_digits(16), []
    compile_model(preset, model, "adamw", 0.001, jit=False)
    for _ in range(3):
        model.fit(pixels(digits.images), one_hot(digits.labels, 10), batch_size=16, verbose=0, shuffle=False)
        kernels.append(first_kernel(model))
    return model, kernels


def test_a_model_has_its_ema_weights_only_inside_the_block() -> None:
    model, kernels = trained(DECAY)
    mean: Any = kernels[0]
    for kernel in kernels[1:]:
        mean = DECAY * mean + (1 - DECAY) * kernel
    with use_ema_weights(model):
        np.testing.assert_allclose(first_kernel(model), mean, atol=1e-6)
    np.testing.assert_array_equal(first_kernel(model), kernels[-1])


@pytest.mark.parametrize("decay", [DECAY, 0.0])
def test_the_validated_variables_are_those_of_the_model_inside_the_block(decay: float) -> None:
    model, _ = trained(decay)
    found = [keras.ops.convert_to_numpy(variable) for variable in validated_variables(model)]
    with use_ema_weights(model):
        expected = model.get_weights()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)  # Keras swaps by addition


def test_a_model_without_an_ema_keeps_its_weights() -> None:
    model, kernels = trained(0.0)
    with use_ema_weights(model):
        np.testing.assert_array_equal(first_kernel(model), kernels[-1])


def test_the_ema_does_not_affect_training() -> None:
    keras.utils.set_random_seed(1)
    _, with_mean = trained(DECAY)
    keras.utils.set_random_seed(1)
    _, without = trained(0.0)
    np.testing.assert_allclose(with_mean[-1], without[-1], atol=1e-6)


@pytest.mark.parametrize(("steps", "decay"), [(6_450, 0.99), (430, 0.99), (72, 1 - 4 / 72), (1, 0.0)])
def test_moving_averages_of_a_short_run_forget_their_first_values(steps: int, decay: float) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(), keras.layers.Dense(2)])
    compile_model(PRESETS["best"], model, "adamw", 0.001, jit=False)
    fit_averages(model, steps, with_statistics=False)
    assert model.optimizer.ema_momentum == pytest.approx(decay)
    assert model.layers[0].momentum == 0.99
    fit_averages(model, steps)
    assert model.layers[0].momentum == pytest.approx(decay)

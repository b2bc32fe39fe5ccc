"""The mean of the weights: it is what is validated, and leaves the training alone."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine.models.ema import use_ema_weights
from mnist_tui.engine.models.evaluation import one_hot, pixels
from mnist_tui.engine.models.presets import PRESETS, compile_model
from tests.engine.samples import few_digits

MOMENTUM = 0.5


def first_kernel(model: Any) -> NDArray[np.float32]:
    return np.array(keras.ops.convert_to_numpy(model.trainable_variables[0]))


def trained(momentum: float) -> tuple[Any, list[NDArray[np.float32]]]:
    """A small network after three steps, each a `fit` of its own, and its first kernel after each."""
    preset = replace(PRESETS["fast"], ema_decay=momentum)
    model, digits, kernels = preset.build((28, 28, 1), 10), few_digits(16), []
    compile_model(preset, model, "adamw", 0.001, jit=False)
    for _ in range(3):
        model.fit(pixels(digits.images), one_hot(digits.labels, 10), batch_size=16, verbose=0, shuffle=False)
        kernels.append(first_kernel(model))
    return model, kernels


def test_inside_the_network_has_its_mean_weights_and_outside_its_own() -> None:
    model, kernels = trained(MOMENTUM)
    mean: Any = kernels[0]
    for kernel in kernels[1:]:
        mean = MOMENTUM * mean + (1 - MOMENTUM) * kernel
    with use_ema_weights(model):
        np.testing.assert_allclose(first_kernel(model), mean, atol=1e-6)
    np.testing.assert_allclose(first_kernel(model), kernels[-1], atol=1e-6)


def test_a_network_without_a_mean_stays_as_it_is() -> None:
    model, kernels = trained(0.0)
    with use_ema_weights(model):
        np.testing.assert_array_equal(first_kernel(model), kernels[-1])


def test_the_mean_does_not_change_what_is_trained() -> None:
    keras.utils.set_random_seed(1)
    _, with_mean = trained(MOMENTUM)
    keras.utils.set_random_seed(1)
    _, without = trained(0.0)
    np.testing.assert_allclose(with_mean[-1], without[-1], atol=1e-6)

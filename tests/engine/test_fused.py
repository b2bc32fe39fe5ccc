"""Fused batch normalization trains as Keras' own does."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_tui.engine.backends.fused import FusedBatchNormalization, fused
from mnist_tui.engine.backends.precision import clone_with_policy
from mnist_tui.engine.models.presets import PRESETS

ROUNDING = 2e-4
"""What single precision may differ by after three steps."""
DIGITS = 32


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (DIGITS, 28, 28, 1)).astype(np.float32)
    return images, keras.utils.to_categorical(random.integers(0, 10, DIGITS), 10)


def trained(network: keras.Model, pictures: tuple[np.ndarray, np.ndarray]) -> keras.Model:
    network.compile(keras.optimizers.SGD(0.01), loss="categorical_crossentropy")
    for _ in range(3):
        network.train_on_batch(*pictures)
    return network


def small() -> keras.Model:
    """Without dropout, which would differ between two networks."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def test_weights_and_moving_statistics_follow_those_of_keras(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    stock = small()
    faster = clone_with_policy(stock, "float32", fused)
    assert any(isinstance(layer, FusedBatchNormalization) for layer in faster.layers)
    before = [np.array(weight) for weight in stock.get_weights()]

    trained(stock, pictures)
    trained(faster, pictures)

    for start, one, other in zip(before, stock.get_weights(), faster.get_weights(), strict=True):
        assert not np.array_equal(start, other)
        np.testing.assert_allclose(one, other, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("name", PRESETS)
def test_a_network_keeps_its_layers_and_its_answers(name: str, pictures: tuple[np.ndarray, np.ndarray]) -> None:
    stock = PRESETS[name].build((28, 28, 1), 10)
    faster = clone_with_policy(stock, "float32", fused)

    assert [layer.name for layer in faster.layers] == [layer.name for layer in stock.layers]
    np.testing.assert_allclose(
        stock.predict_on_batch(pictures[0]), faster.predict_on_batch(pictures[0]), rtol=ROUNDING, atol=ROUNDING
    )


def test_its_weights_go_into_a_stock_network_and_its_file(
    tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray]
) -> None:
    stock = small()
    faster = trained(clone_with_policy(stock, "float32", fused), pictures)
    stock.set_weights(faster.get_weights())
    stock.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)

    np.testing.assert_allclose(
        loaded.predict_on_batch(pictures[0]), faster.predict_on_batch(pictures[0]), rtol=ROUNDING, atol=ROUNDING
    )

"""Fused batch normalisation trains as Keras' own does."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_tui.engine.backends.fused import FusedBatchNormalization, fused_class
from mnist_tui.engine.backends.precision import clone_with_policy
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.image_layout import MNIST_SHAPE

ROUNDING = 2e-4
"""Rounding error of float32 after three steps: some 2,000 epsilons, for sums over 32 x 26 x 26 values."""
Batch = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def batch() -> Batch:
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (32, *MNIST_SHAPE)).astype(np.float32)
    return images, np.eye(10, dtype=np.float32)[random.integers(0, 10, 32)]


def small_model() -> keras.Model:
    """Return a model without dropout, whose random numbers would differ between two copies."""
    return keras.Sequential(
        [
            keras.Input(MNIST_SHAPE),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def test_training_follows_keras_and_a_stock_model_takes_the_weights(tmp_path: Path, batch: Batch) -> None:
    stock = small_model()
    fused = clone_with_policy(stock, "float32", fused_class)
    assert any(isinstance(layer, FusedBatchNormalization) for layer in fused.layers)
    before = [np.array(weight) for weight in stock.get_weights()]

    for model in (stock, fused):
        model.compile(keras.optimizers.SGD(0.01), loss="categorical_crossentropy")
        for _ in range(3):
            model.train_on_batch(*batch)

    for start, one, other in zip(before, stock.get_weights(), fused.get_weights(), strict=True):
        assert not np.array_equal(start, other)
        np.testing.assert_allclose(one, other, rtol=ROUNDING, atol=ROUNDING)

    stock.set_weights(fused.get_weights())
    stock.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    one, other = (model.predict_on_batch(batch[0]) for model in (loaded, fused))
    np.testing.assert_allclose(one, other, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("name", PRESETS)
def test_a_copy_has_the_same_layers_and_predictions(name: str, batch: Batch) -> None:
    stock = PRESETS[name].build(MNIST_SHAPE, 10)
    fused = clone_with_policy(stock, "float32", fused_class)
    assert [layer.name for layer in fused.layers] == [layer.name for layer in stock.layers]
    one, other = (model.predict_on_batch(batch[0]) for model in (stock, fused))
    np.testing.assert_allclose(one, other, rtol=ROUNDING, atol=ROUNDING)

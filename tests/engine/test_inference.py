"""The inference model averages several models over shifted images."""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.inference import inference_model, member_models
from mnist_tui.engine.models.presets import PRESETS
from tests.engine.samples import few_digits

SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 2), (0, -2))


def model() -> keras.Model:
    return PRESETS["lenet5"].build((28, 28, 1), 10)


def shift_images(images: NDArray[np.float32], down: int, right: int) -> NDArray[np.float32]:
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return padded[:, 2 - down : 30 - down, 2 - right : 30 - right]


def probabilities(model: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(model.predict(images, verbose=0))


def test_a_single_model_without_shifts_is_its_own_inference_model() -> None:
    alone = model()
    assert inference_model([alone]) is alone
    assert member_models(alone) == [alone]


def test_probabilities_are_the_mean_over_models_and_shifts() -> None:
    members, images = [model(), model()], pixels(few_digits(6).images)
    expected = [probabilities(each, shift_images(images, *shift)) for each in members for shift in SHIFTS]
    together = inference_model(members, SHIFTS)
    assert member_models(together) == members
    np.testing.assert_allclose(probabilities(together, images), np.mean(expected, axis=0), atol=1e-6)


def test_stock_keras_loads_the_saved_model(tmp_path: Path) -> None:
    together, images = inference_model([model(), model()], SHIFTS), pixels(few_digits(6).images)
    together.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(probabilities(loaded, images), probabilities(together, images), atol=1e-6)
    assert len(member_models(loaded)) == 2


def test_a_copy_takes_the_weights() -> None:
    one, twin = inference_model([model(), model()], SHIFTS), inference_model([model(), model()], SHIFTS)
    twin.set_weights(one.get_weights())
    images = pixels(few_digits(4).images)
    np.testing.assert_allclose(probabilities(twin, images), probabilities(one, images), atol=1e-6)

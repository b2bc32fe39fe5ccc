"""Networks asked together: the mean of their answers, over several views of a digit."""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.inference import inference_model, member_models
from mnist_tui.engine.models.presets import PRESETS
from tests.engine.samples import few_digits

VIEWS = ((0, 0), (1, 0), (-1, 0), (0, 2), (0, -2))


def network() -> keras.Model:
    return PRESETS["fast"].build((28, 28, 1), 10)


def moved(images: NDArray[np.float32], down: int, right: int) -> NDArray[np.float32]:
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return padded[:, 2 - down : 30 - down, 2 - right : 30 - right]


def answers(model: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(model.predict(images, verbose=0))


def test_one_network_with_one_view_is_asked_directly() -> None:
    alone = network()
    assert inference_model([alone]) is alone
    assert member_models(alone) == [alone]


def test_the_answer_is_the_mean_over_networks_and_views() -> None:
    networks, images = [network(), network()], pixels(few_digits(6).images)
    by_hand = np.mean([answers(each, moved(images, *view)) for each in networks for view in VIEWS], axis=0)
    together = inference_model(networks, VIEWS)
    assert member_models(together) == networks
    np.testing.assert_allclose(answers(together, images), by_hand, atol=1e-6)


def test_stock_keras_loads_what_was_saved_and_answers_the_same(tmp_path: Path) -> None:
    together, images = inference_model([network(), network()], VIEWS), pixels(few_digits(6).images)
    together.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(answers(loaded, images), answers(together, images), atol=1e-6)
    assert len(member_models(loaded)) == 2


def test_weights_go_from_one_readout_to_its_twin() -> None:
    one, twin = inference_model([network(), network()], VIEWS), inference_model([network(), network()], VIEWS)
    twin.set_weights(one.get_weights())
    images = pixels(few_digits(4).images)
    np.testing.assert_allclose(answers(twin, images), answers(one, images), atol=1e-6)

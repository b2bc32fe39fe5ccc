"""The projection of the validation images by a small model's last hidden layer."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from typing import Any

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA  # type: ignore[import-untyped]

from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.inference import inference_model
from mnist_tui.engine.service import projecting
from tests.engine.samples import few_digits

CLASSES = 10


def small_model(width: int) -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(width, activation="tanh"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def projected(model: Any, digits: Digits) -> Any:
    *pieces, result = projecting.projection(lambda: model, digits, 3, 70)
    assert pieces.count(None) == len(pieces)
    return result


def test_components_are_those_of_the_last_hidden_layer_of_all_members() -> None:
    members, digits = [small_model(6), small_model(5)], few_digits(30)
    features = np.concatenate(
        [np.asarray(keras.Model(each.inputs, each.layers[-2].output)(digits.images[..., None])) for each in members],
        axis=1,
    )
    found = projected(inference_model(members), digits)
    expected = PCA(2, svd_solver="full").fit(features)
    components = found.components.array()
    assert (found.epoch, found.step, found.dimensions, components.shape) == (3, 70, 11, (30, 11))
    assert len(found.predicted) == 30
    assert found.indices == tuple(digits.indices.tolist())
    assert np.allclose(np.abs(components[:, :2]), np.abs(expected.transform(features)), rtol=1e-2, atol=1e-3)
    assert np.allclose(found.shares[:2], expected.explained_variance_ratio_, rtol=1e-3)


@pytest.mark.parametrize(("width", "count"), [(1, 5), (40, 1), (40, 2)])
def test_few_images_and_a_single_feature_are_projected(width: int, count: int) -> None:
    found = projected(small_model(width), few_digits(count))
    assert found.components.shape == (count, min(width, count))


def test_evenly_spaced_images_are_taken_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projecting, "MOST_IMAGES", 4)
    digits = few_digits(30)
    assert projected(small_model(4), digits).indices == tuple(digits.indices[[0, 10, 19, 29]].tolist())

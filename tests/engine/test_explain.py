"""The explainer on a real network, trained for a moment."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.engine import datasets
from mnist_tui.engine.datasets import Split
from mnist_tui.engine.evaluation import one_hot, pixels
from mnist_tui.engine.explain import CHANGES, NEIGHBOURS, Explainer, quantized
from mnist_tui.engine.presets import PRESETS, compile_model


@pytest.fixture(scope="module")
def split() -> Split:
    return datasets.split(datasets.load("mnist"), seed=0, limit=1_440)


@pytest.fixture(scope="module")
def model(split: Split) -> Any:
    keras.utils.set_random_seed(0)
    preset = PRESETS["fast"]
    network = preset.build((28, 28, 1), 10)
    compile_model(preset, network, "adamw", 0.003, jit="auto")
    network.fit(pixels(split.train.images), one_hot(split.train.labels, 10), batch_size=66, epochs=2, verbose=0)
    return network


@pytest.fixture(scope="module")
def explainer(model: Any, split: Split) -> Explainer:
    return Explainer(model, 2, {"train": split.train, "validation": split.validation})


def test_saliency_adds_up_to_the_difference_between_the_digit_and_blank_paper(
    explainer: Explainer, model: Any, split: Split
) -> None:
    image = split.validation.images[5]
    ends = np.log(np.asarray(model(pixels(np.stack([image, np.zeros_like(image)])), training=False)))
    for wanted, saliency in zip((3, 7), explainer.saliency(image, (3, 7)), strict=True):
        assert saliency.shape == (28, 28)
        assert saliency.sum() == pytest.approx(ends[0, wanted] - ends[1, wanted], abs=0.35)
        assert not saliency[image == 0].any()


def test_an_explanation_comes_in_pieces_and_is_about_the_digit_that_was_asked(
    explainer: Explainer, model: Any, split: Split
) -> None:
    digits = split.validation
    pieces = list(explainer.explain("validation", digits, 7))
    explanation = pieces[-1]
    assert pieces[:-1] == [None] * (len(pieces) - 1)
    assert explanation is not None
    assert explanation.epoch == 2
    answer = np.asarray(model(pixels(digits.images[7:8]), training=False))[0]
    assert explanation.probabilities == pytest.approx(answer, abs=1e-5)
    assert len(explanation.for_predicted) == len(explanation.for_true) == 784
    assert len(explanation.neighbours) == NEIGHBOURS
    assert ("validation", int(digits.indices[7])) not in [(near.split, near.index) for near in explanation.neighbours]
    distances = [near.distance for near in explanation.neighbours]
    assert distances == sorted(distances)
    parts = {"train": split.train, "validation": split.validation}
    for near in explanation.neighbours:
        part = parts[near.split]
        row = int(np.flatnonzero(part.indices == near.index)[0])
        assert near.label == part.labels[row]
        assert near.picture == part.images[row].tobytes()


def test_neighbours_mostly_have_the_same_label(explainer: Explainer, split: Split) -> None:
    same = 0
    for row in range(20):
        explanation = list(explainer.explain("validation", split.validation, row))[-1]
        assert explanation is not None
        same += sum(near.label == split.validation.labels[row] for near in explanation.neighbours)
    assert same > 0.6 * 20 * NEIGHBOURS


def test_variants_are_small_changes_of_the_same_picture(explainer: Explainer, split: Split) -> None:
    image = split.validation.images[11]
    variants = explainer.variants(image)
    assert [variant.name for variant in variants] == [change.name for change in CHANGES]
    pictures = {v.name: np.frombuffer(v.picture, np.uint8).reshape(28, 28).astype(int) for v in variants}
    assert np.array_equal(pictures["2 px left"][:, :-2], image[:, 2:])
    assert np.array_equal(pictures["2 px right"][:, 2:], image[:, :-2])
    assert np.array_equal(pictures["2 px up"][:-2], image[2:])
    assert np.array_equal(pictures["2 px down"][2:], image[:-2])
    assert (pictures["10 % larger"] > 60).sum() > (image > 60).sum() > (pictures["10 % smaller"] > 60).sum()
    columns, rows = np.meshgrid(np.arange(28), np.arange(28))
    top = rows < 14

    def lean(picture: "np.ndarray[Any, Any]") -> float:
        """How far the upper half lies right of the lower, in pixels."""
        upper, lower = picture * top, picture * ~top
        return float((columns * upper).sum() / upper.sum() - (columns * lower).sum() / lower.sum())

    assert lean(pictures["20° right"]) > lean(image.astype(int)) > lean(pictures["20° left"])


def test_maps_are_relative_to_their_strongest_pixel() -> None:
    saliency = np.zeros((28, 28), np.float32)
    saliency[0, :3] = (-2.0, 1.0, 0.5)
    assert list(np.frombuffer(quantized(saliency), np.int8)[:3]) == [-127, 64, 32]
    assert not any(quantized(np.zeros((28, 28), np.float32)))

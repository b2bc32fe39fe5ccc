"""The explainer on a real model, trained for two epochs of 1,440 digits."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.control.protocol import Explain, Explanation, GivenDigit, PredictedImages
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.datasets import Split
from mnist_tui.engine.models.evaluation import one_hot, pixels
from mnist_tui.engine.models.presets import PRESETS, compile_model
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.service.explainer import NEIGHBOURS, Explainer, changes
from mnist_tui.engine.service.explanations import ExplanationService
from mnist_tui.engine.service.server import RequestError
from mnist_tui.engine.service.steering import Steering
from mnist_tui.image_layout import MNIST_SHAPE
from tests.kit import samples


@pytest.fixture(scope="module")
def split() -> Split:
    return datasets.split(datasets.load("mnist"), seed=0, limit=1_440)


@pytest.fixture(scope="module")
def model(split: Split) -> Any:
    keras.utils.set_random_seed(0)
    preset = PRESETS["fast"]
    model = preset.build((28, 28, 1), 10)
    compile_model(preset, model, "adamw", 0.003, jit="auto")
    model.fit(pixels(split.train.images), one_hot(split.train.labels, 10), batch_size=66, epochs=2, verbose=0)
    return model


@pytest.fixture(scope="module")
def explainer(model: Any, split: Split) -> Explainer:
    return Explainer(model, 2, {"train": split.train, "validation": split.validation})


def test_an_explanation_comes_in_pieces_and_is_about_its_digit(explainer: Explainer, model: Any, split: Split) -> None:
    digits = split.validation
    pieces = list(explainer.explain(digits.images[7], ("validation", 7)))
    explanation = pieces[-1]
    assert pieces[:-1] == [None] * (len(pieces) - 1)
    assert explanation is not None
    assert explanation.epoch == 2
    probabilities = np.asarray(model(pixels(digits.images[7:8]), training=False))[0]
    assert explanation.probabilities == pytest.approx(probabilities, abs=1e-5)
    assert len(explanation.neighbours) == NEIGHBOURS
    assert ("validation", int(digits.indices[7])) not in [(near.split, near.index) for near in explanation.neighbours]
    distances = [near.distance for near in explanation.neighbours]
    assert distances == sorted(distances)
    splits = {"train": split.train, "validation": split.validation}
    for near in explanation.neighbours:
        searched = splits[near.split]
        row = int(np.flatnonzero(searched.indices == near.index)[0])
        assert near.label == searched.labels[row]
        assert near.image == searched.images[row].tobytes()


def test_neighbours_mostly_have_the_same_label(explainer: Explainer, split: Split) -> None:
    same = 0
    for row in range(20):
        explanation = list(explainer.explain(split.validation.images[row], ("validation", row)))[-1]
        assert explanation is not None
        same += sum(near.label == split.validation.labels[row] for near in explanation.neighbours)
    assert same > 0.6 * 20 * NEIGHBOURS


def test_variants_are_small_changes_of_the_same_image(explainer: Explainer, split: Split) -> None:
    image = split.validation.images[11]
    variants = explainer.variants(image)
    assert [variant.name for variant in variants] == [change.name for change in changes(MNIST_SHAPE)]
    images = {v.name: np.frombuffer(v.image, np.uint8).reshape(28, 28).astype(int) for v in variants}
    assert np.array_equal(images["2 px left"][:, :-2], image[:, 2:])
    assert np.array_equal(images["2 px right"][:, 2:], image[:, :-2])
    assert np.array_equal(images["2 px up"][:-2], image[2:])
    assert np.array_equal(images["2 px down"][2:], image[:-2])
    assert (images["10 % larger"] > 60).sum() > (image > 60).sum() > (images["10 % smaller"] > 60).sum()
    columns, rows = np.meshgrid(np.arange(28), np.arange(28))
    top = rows < 14

    def lean(changed: "np.ndarray[Any, Any]") -> float:
        """Return how far the upper half lies right of the lower, in pixels."""
        upper, lower = changed * top, changed * ~top
        return float((columns * upper).sum() / upper.sum() - (columns * lower).sum() / lower.sum())

    assert lean(images["20° right"]) > lean(image.astype(int)) > lean(images["20° left"])


def predicted(explainer: Explainer, images: NDArray[np.uint8]) -> PredictedImages:
    *pieces, result = explainer.predict(images)
    assert result is not None
    assert not any(pieces)
    return result


def test_predictions_for_images_are_those_of_the_model(explainer: Explainer, model: Any, split: Split) -> None:
    images = split.test.images[:20]
    result = predicted(explainer, images)
    expected = np.asarray(model(pixels(images), training=False))
    assert np.array(result.probabilities) == pytest.approx(expected, abs=1e-5)
    assert len(result.distances) == 20


def test_images_unlike_the_training_data_are_farther_than_the_limit(explainer: Explainer, split: Split) -> None:
    strange = np.zeros((1, 28, 28), np.uint8)
    strange[:, ::2] = 255  # stripes
    far, near = predicted(explainer, strange), predicted(explainer, split.test.images[:200])
    assert far.limit == near.limit > 0
    assert (np.array(near.distances) < near.limit).mean() > 0.9
    assert far.distances[0] > near.limit


def snapshots_of(model: Any) -> Any:
    """Return a source of weights that has those of epoch 2."""
    return SimpleNamespace(best_epoch=2, best=SimpleNamespace(inference_model=lambda: model))


class TestExplanationService:
    """The digit of a request."""

    @pytest.fixture
    def explain(self, model: Any, split: Split) -> Callable[[Explain], Explanation]:
        service = ExplanationService(split, snapshots_of(model), Mock())

        def explain(request: Explain) -> Explanation:
            explanation = list(service.explain(request))[-1]
            assert explanation is not None
            return explanation

        return explain

    def test_a_request_whose_client_gave_up_is_dropped(self, model: Any, split: Split) -> None:
        service = ExplanationService(split, snapshots_of(model), Mock())
        steering = Steering(TrainingState.initial(samples.config()), lambda _: None)
        first, second = (steering.handle(Explain("validation", int(split.validation.indices[row]))) for row in (0, 1))
        assert first is not None
        assert second is not None
        assert first.cancel()
        service.work(steering)
        while not second.done():
            service.work(steering)
            assert second.done() or not second.cancel(), "too late to give up"
        assert second.result().epoch == 2

    def test_a_digit_of_another_data_set_is_explained(
        self, explain: Callable[[Explain], Explanation], split: Split
    ) -> None:
        image, label = split.test.images[3], int(split.test.labels[3])
        given = explain(Explain("set-mine", 70_000, GivenDigit(image.tobytes(), label)))
        assert given == explain(Explain("test", int(split.test.indices[3])))

    def test_a_given_digit_of_the_run_is_not_its_own_neighbour(
        self, explain: Callable[[Explain], Explanation], split: Split
    ) -> None:
        digits = split.train
        index, image = int(digits.indices[5]), digits.images[5].tobytes()
        given = explain(Explain("set-mine", 0, GivenDigit(image, int(digits.labels[5]))))
        assert len(given.neighbours) == NEIGHBOURS
        assert image not in [near.image for near in given.neighbours]
        assert given.neighbours == explain(Explain("train", index)).neighbours

    def test_a_validation_digit_is_found_in_the_training_split_as_in_a_cross_check(
        self, explain: Callable[[Explain], Explanation], split: Split
    ) -> None:
        index = int(split.validation.indices[7])
        found = explain(Explain("train", index))
        assert found == explain(Explain("validation", index))
        assert ("validation", index) not in [(near.split, near.index) for near in found.neighbours]
        with pytest.raises(RequestError, match="no image 70000"):
            explain(Explain("train", 70_000))

    @pytest.mark.parametrize(
        ("digit", "reason"),
        [
            (GivenDigit(b"", 3), "0 bytes: give 784"),
            (GivenDigit(bytes(785), 3), "785 bytes: give 784"),
            (GivenDigit(bytes(784), 10), "label 10 .* 0 to 9"),
            (GivenDigit(bytes(784), -1), "label -1 .* 0 to 9"),
            (GivenDigit(bytes(784), 10**30), "0 to 9"),
        ],
    )
    def test_an_invalid_digit_is_rejected(
        self, explain: Callable[[Explain], Explanation], digit: GivenDigit, reason: str
    ) -> None:
        with pytest.raises(RequestError, match=reason):
            explain(Explain("set-mine", 0, digit))

    def test_a_blank_image_is_explained(self, explain: Callable[[Explain], Explanation]) -> None:
        blank = explain(Explain("set-mine", 0, GivenDigit(bytes(784), 3)))
        assert np.isfinite(blank.probabilities).all()

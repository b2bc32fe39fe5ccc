"""The explainer on a real network, trained for a moment."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.control.protocol import Explain, Explanation, GivenDigit
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.datasets import Split
from mnist_tui.engine.models.evaluation import one_hot, pixels
from mnist_tui.engine.models.presets import PRESETS, compile_model
from mnist_tui.engine.service.explain import CHANGES, NEIGHBOURS, Explainer, quantized
from mnist_tui.engine.service.questions import Questions
from mnist_tui.engine.service.server import Refused


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
    pieces = list(explainer.explain(digits.images[7], int(digits.labels[7]), ("validation", 7)))
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
        image, label = split.validation.images[row], int(split.validation.labels[row])
        explanation = list(explainer.explain(image, label, ("validation", row)))[-1]
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


class TestQuestions:
    """Which digit a request is about."""

    @pytest.fixture
    def ask(self, model: Any, split: Split) -> Callable[[Explain], Explanation]:
        questions = Questions(split)
        best: Any = SimpleNamespace(twin=lambda: model)

        def answer(request: Explain) -> Explanation:
            explanation = list(questions.work_on(request, best, 2))[-1]
            assert explanation is not None
            return explanation

        return answer

    def test_a_digit_of_another_set_is_explained_as_it_is_given(
        self, ask: Callable[[Explain], Explanation], split: Split
    ) -> None:
        image, label = split.test.images[3], int(split.test.labels[3])
        given = ask(Explain("set-mine", 70_000, GivenDigit(image.tobytes(), label)))
        assert given == ask(Explain("test", int(split.test.indices[3])))

    def test_a_given_digit_that_is_one_of_the_runs_own_is_not_its_own_neighbour(
        self, ask: Callable[[Explain], Explanation], split: Split
    ) -> None:
        digits = split.train
        index, picture = int(digits.indices[5]), digits.images[5].tobytes()
        given = ask(Explain("set-mine", 0, GivenDigit(picture, int(digits.labels[5]))))
        assert len(given.neighbours) == NEIGHBOURS
        assert picture not in [near.picture for near in given.neighbours]
        assert given.neighbours == ask(Explain("train", index)).neighbours

    def test_a_validation_digit_is_found_where_a_cross_check_asks_for_it(
        self, ask: Callable[[Explain], Explanation], split: Split
    ) -> None:
        index = int(split.validation.indices[7])
        found = ask(Explain("train", index))
        assert found == ask(Explain("validation", index))
        assert ("validation", index) not in [(near.split, near.index) for near in found.neighbours]
        with pytest.raises(Refused, match="there is no digit 70000 among the train digits"):
            ask(Explain("train", 70_000))

    @pytest.mark.parametrize(
        ("digit", "reason"),
        [
            (GivenDigit(b"", 3), "has 0 bytes: give 784"),
            (GivenDigit(bytes(785), 3), "has 785 bytes: give 784"),
            (GivenDigit(bytes(784), 10), "labelled 10: give a class from 0 to 9"),
            (GivenDigit(bytes(784), -1), "labelled -1: give a class from 0 to 9"),
            (GivenDigit(bytes(784), 10**30), "give a class from 0 to 9"),
        ],
    )
    def test_what_is_no_digit_is_refused(
        self, ask: Callable[[Explain], Explanation], digit: GivenDigit, reason: str
    ) -> None:
        with pytest.raises(Refused, match=reason):
            ask(Explain("set-mine", 0, digit))

    def test_blank_paper_is_explained_too(self, ask: Callable[[Explain], Explanation]) -> None:
        blank = ask(Explain("set-mine", 0, GivenDigit(bytes(784), 3)))
        assert np.isfinite(blank.probabilities).all()
        assert blank.for_true == bytes(784), "without ink nothing speaks for a class"

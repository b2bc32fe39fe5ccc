"""Predicted classes and their confidences."""

import numpy as np
import pytest
from hypothesis import given

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import predicted_classes, two_highest
from tests.analysis.samples import Epoch, diverged, epochs, made_up

LABELS = np.array([1, 0], dtype=np.uint8)
PROBABILITIES = np.array([[0.25, 0.5, 0.25], [0.25, 0.25, 0.5]], dtype=np.float16)


def test_the_most_probable_class_is_predicted_and_its_probability_is_the_confidence() -> None:
    read = predicted_classes(LABELS, PROBABILITIES)
    assert read.predicted.tolist() == [1, 2]
    assert read.correct.tolist() == [True, False]
    assert read.confidence.tolist() == [0.5, 0.5]
    assert read.true_probability.tolist() == [0.5, 0.25]


def test_the_lowest_of_equally_probable_classes_is_predicted() -> None:
    tied = np.array([[0.5, 0.5, 0.0]], dtype=np.float16)
    assert predicted_classes(LABELS[:1], tied).predicted.tolist() == [0]


def test_a_diverged_epoch_predicts_class_0_without_a_confidence() -> None:
    lost = diverged(made_up(20, 4, seed=1))
    read = predicted_classes(lost.labels, lost.probabilities)
    assert read.predicted.tolist() == lost.probabilities.argmax(axis=1).tolist() == [0] * 20
    assert np.isnan(read.confidence).all()
    assert np.isnan(two_highest(lost.probabilities)).all()


@given(epochs())
def test_the_two_highest_are_the_ends_of_each_sorted_row(epoch: Epoch) -> None:
    first, second = two_highest(epoch.probabilities)
    rising = np.sort(epoch.probabilities.astype(np.float32), axis=1)
    assert (first == rising[:, -1]).all()
    assert (second == rising[:, -2]).all()


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        (LABELS[:1], PROBABILITIES, "1 labels .* 2 rows"),
        (LABELS + 2, PROBABILITIES, "2 to 3, .* 3 classes"),
        (LABELS, PROBABILITIES[0], "shape"),
        (LABELS, PROBABILITIES[:, :0], "shape"),
    ],
)
def test_labels_and_probabilities_must_match(labels: np.ndarray, probabilities: np.ndarray, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        predicted_classes(labels, probabilities)

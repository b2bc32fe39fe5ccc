"""What counts as the network's answer."""

import numpy as np
import pytest
from hypothesis import given

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import answers, two_highest
from tests.analysis.samples import Epoch, diverged, epochs, made_up

LABELS = np.array([1, 0], dtype=np.uint8)
PROBABILITIES = np.array([[0.25, 0.5, 0.25], [0.25, 0.25, 0.5]], dtype=np.float16)


def test_the_answer_is_the_most_probable_class_and_its_probability_the_confidence() -> None:
    read = answers(LABELS, PROBABILITIES)
    assert read.predicted.tolist() == [1, 2]
    assert read.right.tolist() == [True, False]
    assert read.confidence.tolist() == [0.5, 0.5]
    assert read.p_true.tolist() == [0.5, 0.25]


def test_of_equally_probable_classes_the_lowest_is_the_answer() -> None:
    assert answers(LABELS[:1], np.array([[0.5, 0.5, 0.0]], dtype=np.float16)).predicted.tolist() == [0]


def test_a_diverged_epoch_is_answered_as_the_engine_counts_it_and_with_no_confidence() -> None:
    lost = diverged(made_up(20, 4, seed=1))
    read = answers(lost.labels, lost.probabilities)
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
    ("labels", "probabilities", "sentence"),
    [
        (LABELS[:1], PROBABILITIES, "There are 1 labels for 2 rows of probabilities"),
        (LABELS + 2, PROBABILITIES, "Labels go from 2 to 3, but there are probabilities of 3 classes, 0 to 2"),
        (LABELS, PROBABILITIES[0], "shape"),
        (LABELS, PROBABILITIES[:, :0], "shape"),
    ],
)
def test_what_does_not_belong_together_is_refused(labels: np.ndarray, probabilities: np.ndarray, sentence: str) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        answers(labels, probabilities)

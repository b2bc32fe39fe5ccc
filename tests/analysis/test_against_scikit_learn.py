"""Scores agree with scikit-learn to 1e-12, on recorded and on random predictions."""

import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support  # type: ignore[import-untyped]

from mnist_tui.analysis.confusion import confusion_matrix as our_matrix
from mnist_tui.analysis.confusion import report, row_shares
from mnist_tui.analysis.predicted import predicted_classes
from tests.analysis.samples import EPOCHS, Epoch, epochs, recorded, same

SCORES = ("precision", "recall", "f1")


def assert_agrees(epoch: Epoch) -> None:
    classes = range(epoch.probabilities.shape[1])
    predicted = predicted_classes(epoch.labels, epoch.probabilities).predicted
    matrix = our_matrix(epoch.labels, predicted, len(classes))
    figures = report(matrix)
    assert (matrix == confusion_matrix(epoch.labels, predicted, labels=classes)).all()
    assert figures.accuracy == pytest.approx((epoch.labels == predicted).mean(), abs=1e-12)
    shares = confusion_matrix(epoch.labels, predicted, labels=classes, normalize="true")
    assert same(np.nan_to_num(row_shares(matrix)), shares)  # scikit-learn returns 0 for NaN
    arguments = {"labels": classes, "zero_division": np.nan}
    *scores, supports = precision_recall_fscore_support(epoch.labels, predicted, **arguments)
    assert [each.support for each in figures.classes] == supports.tolist()
    for name, theirs in zip(SCORES, scores, strict=True):
        assert same(np.array([getattr(each, name) for each in figures.classes], dtype=float), theirs), name
    means = precision_recall_fscore_support(epoch.labels, predicted, average="macro", **arguments)[:3]
    assert same(np.array([figures.mean(name) for name in SCORES], dtype=float), means)


@pytest.mark.parametrize("epoch", EPOCHS)
def test_matrix_and_scores_of_recorded_predictions_agree(epoch: int) -> None:
    assert_agrees(recorded(epoch))


@given(epochs(least=1))
def test_random_predictions_agree_even_if_classes_are_absent(epoch: Epoch) -> None:
    assert_agrees(epoch)

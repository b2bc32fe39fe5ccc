"""Figures agree with scikit-learn to 1e-12, on the recorded predictions and on random ones."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import (  # type: ignore[import-untyped]
    classification_report,
    confusion_matrix,
    precision_recall_fscore_support,
)

from mnist_tui.analysis.confusion import Report, column_shares, report, row_shares
from mnist_tui.analysis.confusion import confusion_matrix as our_matrix
from mnist_tui.analysis.predicted import answers
from tests.analysis.samples import EPOCHS, Epoch, epochs, recorded, same

SCORES = ("precision", "recall", "f1")


def ours(epoch: Epoch) -> tuple[np.ndarray[Any, Any], Report]:
    classes = epoch.probabilities.shape[1]
    matrix = our_matrix(epoch.labels, answers(epoch.labels, epoch.probabilities).predicted, classes)
    return matrix, report(matrix)


def assert_agrees(epoch: Epoch) -> None:
    classes = range(epoch.probabilities.shape[1])
    predicted = epoch.probabilities.argmax(axis=1)
    matrix, figures = ours(epoch)
    assert (matrix == confusion_matrix(epoch.labels, predicted, labels=classes)).all()
    for by, shares in (("true", row_shares), ("pred", column_shares)):
        theirs = confusion_matrix(epoch.labels, predicted, labels=classes, normalize=by)
        assert same(np.nan_to_num(shares(matrix)), theirs)  # it gives 0 where we give NaN
    arguments = {"labels": classes, "zero_division": np.nan}
    *scores, supports = precision_recall_fscore_support(epoch.labels, predicted, **arguments)
    assert [each.support for each in figures.classes] == supports.tolist()
    for name, theirs in zip(SCORES, scores, strict=True):
        assert same(np.array([getattr(each, name) for each in figures.classes], dtype=float), theirs), name
    for average, mean in (("macro", figures.mean), ("weighted", figures.weighted_mean)):
        means = precision_recall_fscore_support(epoch.labels, predicted, average=average, **arguments)[:3]
        assert same(np.array([mean(name) for name in SCORES], dtype=float), means), average


@pytest.mark.parametrize("epoch", EPOCHS)
def test_matrix_shares_and_scores_agree_on_the_recorded_predictions(epoch: int) -> None:
    assert_agrees(recorded(epoch))


@pytest.mark.parametrize("epoch", EPOCHS)
def test_the_report_agrees_on_the_recorded_predictions(epoch: int) -> None:
    labels, predicted = recorded(epoch).labels, recorded(epoch).probabilities.argmax(axis=1)
    theirs = classification_report(labels, predicted, output_dict=True)
    _, figures = ours(recorded(epoch))
    assert figures.accuracy == pytest.approx(theirs["accuracy"], abs=1e-12)
    assert figures.total == theirs["macro avg"]["support"]
    for key, name in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert figures.mean(key) == pytest.approx(theirs["macro avg"][name], abs=1e-12)
        assert figures.weighted_mean(key) == pytest.approx(theirs["weighted avg"][name], abs=1e-12)
        for number, each in enumerate(figures.classes):
            assert getattr(each, key) == pytest.approx(theirs[str(number)][name], abs=1e-12)


@given(epochs(least=1))
def test_random_predictions_agree_with_classes_absent_from_labels_or_answers(epoch: Epoch) -> None:
    assert_agrees(epoch)

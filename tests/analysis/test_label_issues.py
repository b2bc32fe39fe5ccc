"""Which labels are disputed, against confident learning's definition written out one by one."""

import math

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from mnist_tui.analysis.label_issues import SLACK, class_thresholds, label_issues
from tests.analysis.samples import EPOCHS, Epoch, diverged, epochs, made_up, recorded, same


def one_by_one(epoch: Epoch) -> list[tuple[float, int, int, bool]]:
    """(margin, row, suspected class, confident), straight from the definition."""
    labels, p = epoch.labels.tolist(), epoch.probabilities.astype(np.float64).tolist()
    thresholds = {}
    for each in range(epoch.probabilities.shape[1]):
        own = [row[each] for row, label in zip(p, labels, strict=True) if label == each]
        if own:
            thresholds[each] = sum(own) / len(own)
    found = []
    for number, (row, label) in enumerate(zip(p, labels, strict=True)):
        answer = row.index(max(row))
        if answer != label:
            reached = [each for each, least in thresholds.items() if row[each] >= least - SLACK and row[each] > SLACK]
            likely = max(reached, key=lambda each: row[each], default=label)
            found.append((row[label] - max(row), number, answer if likely == label else likely, likely != label))
    return sorted(found)


def assert_as_defined(epoch: Epoch) -> None:
    found, expected = label_issues(epoch.labels, epoch.probabilities), one_by_one(epoch)
    margins, rows, suspected, confident = zip(*expected, strict=True) if expected else ((), (), (), ())
    assert found.rows.tolist() == list(rows)
    assert found.suspected.tolist() == list(suspected)
    assert found.confident.tolist() == list(confident)
    assert found.margins.tolist() == pytest.approx(margins, abs=1e-6)


def mislabelled(epoch: Epoch, rows: NDArray[np.intp]) -> Epoch:
    """The same predictions with the next class as the label of some rows."""
    labels = epoch.labels.copy()
    labels[rows] = (labels[rows] + 1) % epoch.probabilities.shape[1]
    return epoch._replace(labels=labels)


@pytest.mark.parametrize("epoch", EPOCHS)
def test_label_issues_of_the_recorded_predictions_are_those_of_the_definition(epoch: int) -> None:
    assert_as_defined(recorded(epoch))
    assert_as_defined(mislabelled(recorded(epoch), np.arange(0, 5000, 50)))


@given(epochs())
def test_label_issues_of_random_predictions_are_those_of_the_definition(epoch: Epoch) -> None:
    assert_as_defined(epoch)


def test_labels_that_were_made_wrong_are_found_and_stand_first() -> None:
    epoch = recorded(3)
    clear = np.flatnonzero((epoch.probabilities.max(axis=1) > 0.95) & (epoch.probabilities.argmax(1) == epoch.labels))
    wrong = clear[::20]
    found = label_issues(mislabelled(epoch, wrong).labels, epoch.probabilities)
    assert len(wrong) > 10
    assert set(found.rows[: len(wrong)].tolist()) == set(wrong.tolist())
    assert found.confident[: len(wrong)].all()
    assert (found.suspected[: len(wrong)] == epoch.labels[found.rows[: len(wrong)]]).all()


def test_the_mask_marks_what_confident_learning_counts() -> None:
    epoch = mislabelled(recorded(3), np.arange(0, 5000, 50))
    found = label_issues(epoch.labels, epoch.probabilities)
    assert 0 < found.confident.sum() < len(found.rows)
    assert np.flatnonzero(found.mask(5000)).tolist() == sorted(found.rows[found.confident].tolist())


def test_a_threshold_is_the_mean_probability_of_the_class_over_its_digits() -> None:
    labels = np.array([0, 0, 1], dtype=np.uint8)
    p = np.array([[0.75, 0.25, 0], [0.25, 0.75, 0], [0.5, 0.5, 0]], dtype=np.float16)
    assert same(class_thresholds(labels, p), [0.5, 0.5, math.nan])


def test_no_digit_is_confidently_of_a_class_that_none_is_labelled_as() -> None:
    labels = np.array([0, 0, 1], dtype=np.uint8)
    p = np.array([[0.6, 0.4, 0], [0.1, 0.2, 0.7], [0.1, 0.9, 0]], dtype=np.float16)
    found = label_issues(labels, p)
    assert (found.rows.tolist(), found.suspected.tolist(), found.confident.tolist()) == ([1], [2], [False])


def test_a_doubtful_prediction_is_a_label_issue_without_confidence() -> None:
    labels = np.array([0, 0, 1, 1], dtype=np.uint8)
    p = np.array([[0.95, 0.05], [0.45, 0.55], [0.05, 0.95], [0.0, 1.0]], dtype=np.float16)
    found = label_issues(labels, p)
    assert (found.rows.tolist(), found.confident.tolist()) == ([1], [False])
    assert not found.mask(4).any()


def test_a_probability_at_the_threshold_reaches_it_whatever_rounding_did_to_the_mean() -> None:
    labels = np.array([1, 1, 1, 0], dtype=np.uint8)
    p = np.array([[0.28, 0.72]] * 4, dtype=np.float64)
    assert class_thresholds(labels, p)[1] > 0.72  # the mean of three times 0.72
    assert label_issues(labels, p).confident.tolist() == [True]


def test_next_to_no_probability_is_no_confidence_even_in_a_class_that_is_never_answered() -> None:
    labels = np.array([0, 0, 1, 2], dtype=np.uint8)
    p = np.array([[0.4, 0.6, 6e-8], [1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]], dtype=np.float16)
    found = label_issues(labels, p)
    assert not found.confident[found.rows == 0].any()


def test_without_mistakes_there_is_no_label_issue() -> None:
    epoch = made_up(50, 2, seed=3, sureness=40)
    assert len(label_issues(epoch.labels, epoch.probabilities).rows) == 0


def test_a_diverged_epoch_has_no_label_issues() -> None:
    lost = diverged(made_up(9, 3, seed=0))
    found = label_issues(lost.labels, lost.probabilities)
    assert len(found.rows) == 0
    assert np.isnan(found.thresholds).all()


def test_no_digits_have_no_label_issues() -> None:
    assert len(label_issues(np.zeros(0, dtype=np.uint8), np.zeros((0, 10), dtype=np.float16)).rows) == 0

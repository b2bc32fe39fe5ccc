"""Figures of a confusion matrix, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from mnist_tui.analysis.confusion import Confusion, column_shares, confusion_matrix, report, row_shares, top_confusions
from mnist_tui.analysis.predicted import answers
from mnist_tui.events import EpochEnded, decode
from tests.analysis.samples import EPOCHS, recorded, same
from tests.kit.recording import RECORDING

MATRIX = ((8, 2, 0), (1, 9, 0), (0, 4, 6))


def test_a_report_counts_digits_and_mistakes() -> None:
    figures = report(MATRIX)
    assert (figures.total, figures.correct, figures.mistakes) == (30, 23, 7)
    assert figures.accuracy == pytest.approx(23 / 30)


def test_recall_goes_along_the_row_and_precision_along_the_column() -> None:
    first, second, third = report(MATRIX).classes
    assert (first.recall, second.recall, third.recall) == (0.8, 0.9, 0.6)
    assert second.precision == pytest.approx(9 / 15)
    assert (first.support, second.support, third.support) == (10, 10, 10)
    assert (first.read, second.read, third.read) == (9, 15, 6)


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    second = report(MATRIX).classes[1]
    assert second.f1 == pytest.approx(2 * 0.6 * 0.9 / (0.6 + 0.9))


def test_the_mean_is_over_classes_and_leaves_out_those_without_a_score() -> None:
    figures = report(((5, 5, 0), (0, 10, 0), (0, 0, 0)))
    assert figures.mean("recall") == pytest.approx((0.5 + 1.0) / 2)


def test_a_class_that_never_occurs_and_is_never_read_has_no_scores() -> None:
    empty = report(((5, 0), (0, 0))).classes[1]
    assert (empty.precision, empty.recall, empty.f1) == (None, None, None)


def test_a_class_that_is_never_read_has_recall_and_f1_of_zero_and_no_precision() -> None:
    missed = report(((5, 0), (3, 0))).classes[1]
    assert (missed.precision, missed.recall, missed.f1) == (None, 0.0, 0.0)


def test_a_matrix_without_digits_has_no_accuracy() -> None:
    assert report(((0, 0), (0, 0))).accuracy is None


def test_the_worst_confusions_come_first_and_ties_in_the_order_of_the_matrix() -> None:
    tied = ((9, 1, 0), (0, 8, 2), (1, 2, 7))
    assert [(each.true, each.predicted, each.count) for each in top_confusions(tied, 3)] == [
        (1, 2, 2),
        (2, 1, 2),
        (0, 1, 1),
    ]


def test_a_confusion_knows_its_share_of_the_class() -> None:
    assert top_confusions(MATRIX, 1) == [Confusion(true=2, predicted=1, count=4, support=10)]
    assert top_confusions(MATRIX, 1)[0].share == 0.4


def test_right_answers_and_empty_cells_are_no_confusions() -> None:
    assert top_confusions(((5, 0), (0, 5)), 9) == []
    assert len(top_confusions(MATRIX, 9)) == 3


def test_shares_go_along_the_row_or_the_column_and_are_nan_where_there_is_nothing_to_share() -> None:
    matrix = ((8, 2, 0), (0, 0, 0), (0, 4, 0))
    assert same(row_shares(matrix), [[0.8, 0.2, 0], [math.nan] * 3, [0, 1, 0]])
    assert same(column_shares(matrix), [[1, 1 / 3, math.nan], [0, 0, math.nan], [0, 2 / 3, math.nan]])


def test_the_weighted_mean_gives_each_class_the_weight_of_its_digits() -> None:
    figures = report(((5, 5), (0, 30)))
    assert figures.weighted_mean("recall") == pytest.approx((0.5 * 10 + 1.0 * 30) / 40)
    assert figures.mean("recall") == pytest.approx(0.75)


def test_a_matrix_without_digits_has_no_means() -> None:
    empty = report(((0, 0), (0, 0)))
    assert (empty.mean("f1"), empty.weighted_mean("f1")) == (None, None)


def test_a_confusion_reads_as_words_with_or_without_names() -> None:
    four_as_nine = Confusion(true=4, predicted=9, count=11, support=1492)
    assert four_as_nine.in_words() == "4 read as 9: 11 of 1,492"
    assert Confusion(0, 1, 2, 9).in_words(("cat", "dog")) == "cat read as dog: 2 of 9"


@pytest.mark.parametrize("epoch", EPOCHS)
def test_the_matrix_of_recorded_predictions_is_the_one_that_the_engine_counted(epoch: int) -> None:
    events = [decode(line) for line in RECORDING.events_path.read_bytes().splitlines()]
    counted = [event for event in events if isinstance(event, EpochEnded)][epoch - 1]
    labels, probabilities = recorded(epoch).labels, recorded(epoch).probabilities
    matrix = confusion_matrix(labels, answers(labels, probabilities).predicted, 10)
    assert matrix.tolist() == [list(row) for row in counted.confusion]


def test_no_digits_make_a_matrix_of_zeros() -> None:
    nothing = np.zeros(0, dtype=np.uint8)
    assert confusion_matrix(nothing, nothing, 3).tolist() == [[0, 0, 0]] * 3

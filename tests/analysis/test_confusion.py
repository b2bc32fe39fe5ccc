"""Figures of a confusion matrix, against numbers worked out by hand."""

import pytest

from mnist_tui.analysis.confusion import Confusion, report, top_confusions

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

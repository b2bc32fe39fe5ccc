"""Figures of a confusion matrix, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from mnist_tui.analysis.confusion import Confusion, confusion_matrix, report, row_shares, similar_order, top_confusions
from mnist_tui.analysis.predicted import predicted_classes
from mnist_tui.event_lines import decode
from mnist_tui.events import EpochEnded
from tests.analysis.samples import EPOCHS, recorded, same
from tests.kit.recording import RECORDING

MATRIX = ((8, 2, 0), (1, 9, 0), (0, 4, 6))


def test_a_report_has_the_scores_of_the_matrix_and_its_classes() -> None:
    figures = report(MATRIX)
    assert (figures.total, figures.correct, figures.mistakes) == (30, 23, 7)
    assert figures.accuracy == pytest.approx(23 / 30)
    first, second, third = figures.classes
    assert (first.recall, second.recall, third.recall) == (0.8, 0.9, 0.6)
    assert second.precision == pytest.approx(9 / 15)
    assert second.f1 == pytest.approx(2 * 0.6 * 0.9 / (0.6 + 0.9))
    assert (first.support, second.support, third.support) == (10, 10, 10)
    assert (first.predicted, second.predicted, third.predicted) == (9, 15, 6)
    document = figures.per_class("abc")[1]
    assert (document["class"], document["recall"], document["support"]) == ("b", 0.9, 10)


def test_the_mean_leaves_out_classes_without_a_score() -> None:
    assert report(((5, 5, 0), (0, 10, 0), (0, 0, 0))).mean("recall") == pytest.approx((0.5 + 1.0) / 2)


@pytest.mark.parametrize(
    ("matrix", "scores"),
    [(((5, 0), (0, 0)), (None, None, None)), (((5, 0), (3, 0)), (None, 0.0, 0.0))],
    ids=["never occurs", "never predicted"],
)
def test_scores_that_would_divide_by_zero_are_none(
    matrix: tuple[tuple[int, int], ...], scores: tuple[float | None, ...]
) -> None:
    absent = report(matrix).classes[1]
    assert (absent.precision, absent.recall, absent.f1) == scores


def test_an_empty_matrix_has_no_accuracy_and_no_means() -> None:
    empty = report(((0, 0), (0, 0)))
    assert (empty.accuracy, empty.mean("f1")) == (None, None)
    nothing = np.zeros(0, dtype=np.uint8)
    assert confusion_matrix(nothing, nothing, 3).tolist() == [[0, 0, 0]] * 3


def test_the_worst_confusions_come_first_and_ties_in_the_order_of_the_matrix() -> None:
    tied = ((9, 1, 0), (0, 8, 2), (1, 2, 7))
    cells = [(each.true, each.predicted, each.count) for each in top_confusions(tied, 3)]
    assert cells == [(1, 2, 2), (2, 1, 2), (0, 1, 1)]
    assert top_confusions(MATRIX, 1) == [Confusion(true=2, predicted=1, count=4, support=10)]
    assert top_confusions(MATRIX, 1)[0].share == 0.4


def test_the_diagonal_and_empty_cells_are_not_confusions() -> None:
    assert top_confusions(((5, 0), (0, 5)), 9) == []
    assert len(top_confusions(MATRIX, 9)) == 3


def test_row_shares_of_an_empty_row_are_nan() -> None:
    assert same(row_shares(((8, 2, 0), (0, 0, 0), (0, 4, 0))), [[0.8, 0.2, 0], [math.nan] * 3, [0, 1, 0]])


def test_a_confusion_in_words_has_its_counts_and_class_names() -> None:
    words = Confusion(true=4, predicted=9, count=11, support=1492).in_words()
    assert words.startswith("4 ")
    assert words.endswith(" 9: 11 of 1,492")
    assert Confusion(0, 1, 2, 9).in_words(("cat", "dog")).startswith("cat ")


@pytest.mark.parametrize("epoch", EPOCHS)
def test_the_matrix_of_recorded_predictions_is_the_one_of_the_engine(epoch: int) -> None:
    events = [decode(line) for line in RECORDING.events_path.read_bytes().splitlines()]
    ended = [event for event in events if isinstance(event, EpochEnded)][epoch - 1]
    labels, probabilities = recorded(epoch).labels, recorded(epoch).probabilities
    matrix = confusion_matrix(labels, predicted_classes(labels, probabilities).predicted, 10)
    assert matrix.tolist() == [list(row) for row in ended.confusion]


def test_classes_that_are_confused_become_neighbours() -> None:
    matrix = np.diag([10] * 6)
    matrix[0, 5] = matrix[2, 4] = 6
    order = similar_order(matrix)
    assert sorted(order) == list(range(6))
    for pair in ((0, 5), (2, 4)):
        assert abs(order.index(pair[0]) - order.index(pair[1])) == 1
    assert similar_order([[1, 2], [3, 4]]) == (0, 1)
    assert sorted(similar_order(np.zeros((4, 4), dtype=int))) == [0, 1, 2, 3]

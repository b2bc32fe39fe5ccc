"""Which digits a filter lets through, and in which order."""

import numpy as np
import pytest

from mnist_tui.analysis.mistakes import DigitFilter, rows_to_show

LABELS = np.array([0, 1, 1, 2, 0, 2], dtype=np.uint8)
PROBABILITIES = np.array(
    [[0.9, 0.1, 0.0], [0.7, 0.3, 0.0], [0.0, 0.4, 0.6], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.1, 0.1, 0.8]],
    dtype=np.float16,
)


def rows(true: int | None = None, predicted: int | None = None, only_wrong: bool = True) -> list[int]:
    return [int(row) for row in rows_to_show(LABELS, PROBABILITIES, DigitFilter(true, predicted, only_wrong))]


def test_mistakes_are_sorted_by_confidence_and_ties_by_row() -> None:
    assert rows() == [3, 1, 2, 4]


@pytest.mark.parametrize(
    ("true", "predicted", "expected"), [(1, None, [1, 2]), (None, 2, [2, 4]), (0, 2, [4]), (1, 1, []), (2, 0, [])]
)
def test_a_filter_narrows_by_true_and_predicted_class(
    true: int | None, predicted: int | None, expected: list[int]
) -> None:
    assert rows(true=true, predicted=predicted) == expected


def test_right_answers_are_shown_when_asked_for() -> None:
    assert rows(only_wrong=False) == [0, 3, 5, 1, 2, 4]


def test_a_cell_of_the_diagonal_shows_what_was_read_right_and_any_other_what_was_not() -> None:
    assert rows_to_show(LABELS, PROBABILITIES, DigitFilter.cell(2, 2)).tolist() == [5]
    assert rows_to_show(LABELS, PROBABILITIES, DigitFilter.cell(2, 1)).tolist() == [3]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (DigitFilter(), "mistakes"),
        (DigitFilter(4, 9), "true:4 pred:9"),
        (DigitFilter(true=4), "true:4 mistakes"),
        (DigitFilter(predicted=9, only_wrong=False), "pred:9"),
        (DigitFilter(only_wrong=False), "all digits"),
    ],
)
def test_a_filter_describes_itself(wanted: DigitFilter, words: str) -> None:
    assert wanted.describe() == words


def test_a_filter_uses_class_names_where_it_has_them() -> None:
    assert DigitFilter(0, 1).describe(("shirt", "coat")) == "true:shirt pred:coat"

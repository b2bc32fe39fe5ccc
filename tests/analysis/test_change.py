"""Changes between two confusion matrices."""

import numpy as np
import pytest

from mnist_tui.analysis.change import BETTER, SAME, WORSE, change
from mnist_tui.analysis.errors import AnalysisError
from tests.analysis.samples import same

BEFORE = ((8, 2, 0), (1, 9, 0), (0, 4, 6))
NOW = ((9, 1, 0), (1, 7, 2), (0, 4, 6))


def test_counts_and_shares_are_differences_and_errors_on_and_off_the_diagonal_have_opposite_directions() -> None:
    changed = change(NOW, BEFORE)
    assert changed.counts.tolist() == [[1, -1, 0], [0, -2, 2], [0, 0, 0]]
    assert same(changed.shares, [[0.1, -0.1, 0], [0, -0.2, 0.2], [0, 0, 0]])
    assert changed.directions.tolist() == [[BETTER, BETTER, SAME], [SAME, WORSE, WORSE], [SAME, SAME, SAME]]


def test_runs_with_different_numbers_of_examples_are_compared_by_share() -> None:
    changed = change((np.array(BEFORE) * 2).tolist(), BEFORE)
    assert (changed.directions == SAME).all()
    assert changed.counts[0, 1] == 2
    assert changed.largest(9) == []


def test_a_class_without_examples_in_either_matrix_is_neither_better_nor_worse() -> None:
    changed = change(((5, 0), (1, 4)), ((5, 0), (0, 0)))
    assert np.isnan(changed.shares[1]).all()
    assert changed.directions[1].tolist() == [SAME, SAME]


def test_the_largest_changes_of_errors_come_first_in_either_direction() -> None:
    first, second = change(NOW, BEFORE).largest(5)
    assert (first.true, first.predicted, first.before, first.now, first.direction) == (1, 2, 0, 2, WORSE)
    assert (second.true, second.predicted, second.direction) == (0, 1, BETTER)
    assert change(NOW, BEFORE).largest(1) == [first]


def test_matrices_of_different_classes_cannot_be_compared() -> None:
    with pytest.raises(AnalysisError, match="3 classes cannot be compared with one of 2"):
        change(NOW, ((1, 0), (0, 1)))

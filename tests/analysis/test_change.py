"""What changed between two confusion matrices, and whether it is for the better."""

import numpy as np
import pytest

from mnist_tui.analysis.change import BETTER, SAME, WORSE, change
from mnist_tui.analysis.errors import AnalysisError
from tests.analysis.samples import same

BEFORE = ((8, 2, 0), (1, 9, 0), (0, 4, 6))
NOW = ((9, 1, 0), (1, 7, 2), (0, 4, 6))


def test_counts_and_shares_are_now_minus_before() -> None:
    changed = change(NOW, BEFORE)
    assert changed.counts.tolist() == [[1, -1, 0], [0, -2, 2], [0, 0, 0]]
    assert same(changed.shares, [[0.1, -0.1, 0], [0, -0.2, 0.2], [0, 0, 0]])


def test_more_mistakes_are_worse_and_fewer_better_and_on_the_diagonal_it_is_the_reverse() -> None:
    assert change(NOW, BEFORE).directions.tolist() == [[BETTER, BETTER, SAME], [SAME, WORSE, WORSE], [SAME, SAME, SAME]]


def test_runs_with_different_numbers_of_digits_are_judged_by_share() -> None:
    twice = (np.array(BEFORE) * 2).tolist()
    changed = change(twice, BEFORE)
    assert (changed.directions == SAME).all()
    assert changed.counts[0, 1] == 2
    assert changed.largest(9) == []


def test_a_class_without_digits_then_or_now_is_neither_better_nor_worse() -> None:
    changed = change(((5, 0), (1, 4)), ((5, 0), (0, 0)))
    assert np.isnan(changed.shares[1]).all()
    assert changed.directions[1].tolist() == [SAME, SAME]


def test_the_largest_changes_of_mistakes_come_first_whichever_way_they_went() -> None:
    first, second = change(NOW, BEFORE).largest(5)
    assert (first.true, first.predicted, first.direction) == (1, 2, WORSE)
    assert (second.true, second.predicted, second.direction) == (0, 1, BETTER)
    assert change(NOW, BEFORE).largest(1) == [first]


def test_a_change_reads_as_words() -> None:
    changed = change(NOW, BEFORE)
    assert changed.cell(0, 1).in_words() == "0 read as 1: 1, was 2 (−1, better)"
    assert changed.cell(1, 2).in_words(("a", "b", "c")) == "b read as c: 2, was 0 (+2, worse)"
    assert changed.cell(1, 1).in_words() == "1 read right: 7, was 9 (−2, worse)"
    assert changed.cell(2, 1).in_words() == "2 read as 1: 4, was 4 (±0, same)"


def test_matrices_of_different_classes_cannot_be_compared() -> None:
    with pytest.raises(AnalysisError, match="3 classes cannot be compared with one of 2"):
        change(NOW, ((1, 0), (0, 1)))

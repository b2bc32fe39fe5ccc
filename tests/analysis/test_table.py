"""The table of examples, and the sort orders."""

import math

import numpy as np
import pytest
from hypothesis import given

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.learning_history import learning_summary, trace
from mnist_tui.analysis.reviews import ReviewOutcome
from mnist_tui.analysis.sorting import SORTS, sort_rows
from mnist_tui.analysis.table import ExampleTable, tabulate
from tests.analysis.samples import Epoch, epochs, made_up
from tests.analysis.table_samples import DIVERGED, MIXED, recorded_table


def ordered(key: str, *, reverse: bool = False, table: ExampleTable = MIXED) -> list[int]:
    everything = np.arange(len(table))
    return [int(row) for row in sort_rows(everything, table, SORTS[key], reverse=reverse)]


def test_columns_come_from_labels_and_probabilities() -> None:
    labels, p = np.array([0, 1], dtype=np.uint8), np.array([[0.75, 0.25], [1, 0]], dtype=np.float16)
    table = tabulate(np.array([5, 9], dtype=np.int32), labels, p)
    assert len(table) == 2
    assert table.index.tolist() == [5, 9]
    assert (table.true.tolist(), table.predicted.tolist()) == ([0, 1], [0, 0])
    assert table.correct.tolist() == [True, False]
    assert (table.confidence.tolist(), table.margin.tolist()) == ([0.75, 1.0], [0.5, 1.0])
    assert table.loss == pytest.approx([-math.log(0.75), -math.log(1e-7)], rel=1e-6)


def test_without_earlier_epochs_wrong_examples_were_never_learned() -> None:
    table = tabulate(*made_up(200, 10, seed=2, sureness=1))
    assert (table.never_learned == ~table.correct).all()
    assert not (table.learned_late | table.forgotten | table.flagged).any()
    assert (table.review == ReviewOutcome.UNREVIEWED).all()
    assert (table.confidently_wrong == (~table.correct & (table.confidence > 0.9))).all()


@given(epochs())
def test_an_evaluation_alone_agrees_with_a_history_of_one_epoch(epoch: Epoch) -> None:
    alone = tabulate(*epoch)
    traced = tabulate(*epoch, learning_summary=learning_summary(trace(epoch.labels, (1,), [epoch.probabilities])))
    for name in ("never_learned", "learned_late", "forgotten", "confidently_wrong"):
        assert (getattr(alone, name) == getattr(traced, name)).all()
    assert alone.difficulty == pytest.approx(traced.difficulty, abs=1e-6)


def test_the_recorded_run_has_examples_of_every_kind() -> None:
    table = recorded_table(3)
    assert (len(table), int((~table.correct).sum())) == (5000, 27)
    for name in ("learned_late", "forgotten", "never_learned"):
        assert 0 < getattr(table, name).sum() < 200, name


def test_a_diverged_epoch_has_no_figures() -> None:
    for name in ("confidence", "margin", "loss", "difficulty"):
        assert np.isnan(getattr(DIVERGED, name)).all()
    assert not DIVERGED.confidently_wrong.any()
    assert all(ordered(key, table=DIVERGED) == [0, 1, 2, 3, 4] for key in SORTS)


def test_columns_of_another_length_are_an_error() -> None:
    epoch, longer = made_up(4, 3, seed=0), made_up(5, 3, seed=0)
    with pytest.raises(AnalysisError, match="5 reviews do not match 4"):
        tabulate(*epoch, reviewed=np.zeros(5, dtype=np.uint8))
    with pytest.raises(AnalysisError, match="5 label issues do not match 4"):
        tabulate(*epoch, flagged=np.zeros(5, dtype=bool))
    with pytest.raises(AnalysisError, match="5 indices do not match 4"):
        tabulate(np.arange(5, dtype=np.int32), epoch.labels, epoch.probabilities)
    with pytest.raises(AnalysisError, match="5 learning summaries do not match 4"):
        tabulate(*epoch, learning_summary=learning_summary(trace(longer.labels, (1,), [longer.probabilities])))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("confidence", [0, 3, 5, 1, 2, 4]),
        ("margin", [2, 4, 1, 3, 0, 5]),
        ("loss", [3, 1, 4, 2, 0, 5]),
        ("difficulty", [3, 4, 2, 1, 5, 0]),
        ("index", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_each_order_puts_the_most_interesting_first_and_keeps_ties_in_place(key: str, expected: list[int]) -> None:
    assert ordered(key) == expected


def test_the_reverse_order_keeps_ties_in_place() -> None:
    assert ordered("confidence", reverse=True) == [4, 2, 1, 0, 3, 5]


def test_nan_comes_last_in_both_directions() -> None:
    epoch = made_up(4, 3, seed=1)
    epoch.probabilities[1] = np.nan
    table = tabulate(*epoch)
    for reverse in (False, True):
        assert ordered("loss", reverse=reverse, table=table)[-1] == 1


def test_only_the_rows_given_are_sorted() -> None:
    assert sort_rows(np.array([4, 0, 2]), MIXED, SORTS["loss"]).tolist() == [4, 2, 0]
    assert sort_rows(np.array([], dtype=np.intp), MIXED, SORTS["loss"]).tolist() == []

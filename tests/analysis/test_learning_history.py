"""When digits are learned and lost, as of any epoch."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.learning_history import NEVER, LearningHistory, LearningSummary, learning_summary, trace
from tests.analysis.samples import EPOCHS, made_up, recorded, recorded_stack, same


def stack_of(*digits: str, sure: float = 0.75) -> list[NDArray[np.float16]]:
    """One string a digit, one letter an epoch: r(ight), w(rong), n(an). The true class is 0 of two."""
    p = {"r": (sure, 1 - sure), "w": (1 - sure, sure), "n": (np.nan, np.nan)}
    return [np.array([p[letter] for letter in epoch], dtype=np.float16) for epoch in zip(*digits, strict=True)]


def traced(*digits: str, sure: float = 0.75, epochs: tuple[int, ...] | None = None) -> LearningHistory:
    labels = np.zeros(len(digits), dtype=np.uint8)
    return trace(labels, epochs or tuple(range(1, len(digits[0]) + 1)), stack_of(*digits, sure=sure))


def fate(digit: str, sure: float = 0.75) -> dict[str, object]:
    reviewed = learning_summary(traced(digit, sure=sure))
    return {name: getattr(reviewed, name)[0] for name in vars(reviewed) if name != "epoch"}


@pytest.mark.parametrize(
    ("digit", "learned_at", "lost_at", "flips"),
    [
        ("rrr", 1, NEVER, 0),
        ("wrr", 2, NEVER, 1),
        ("rwr", 3, NEVER, 2),
        ("rrw", NEVER, 3, 1),
        ("rww", NEVER, 2, 1),
        ("wrw", NEVER, 3, 2),
        ("www", NEVER, NEVER, 0),
        ("r", 1, NEVER, 0),
        ("w", NEVER, NEVER, 0),
    ],
)
def test_a_digit_is_learned_where_it_stays_right_and_lost_where_it_stays_wrong(
    digit: str, learned_at: int, lost_at: int, flips: int
) -> None:
    reviewed = fate(digit)
    assert (reviewed["learned_at"], reviewed["lost_at"], reviewed["flips"]) == (learned_at, lost_at, flips)
    assert reviewed["forgotten"] == (lost_at != NEVER)
    assert reviewed["never_learned"] == ("r" not in digit)


@pytest.mark.parametrize(
    ("digit", "late"),
    [
        ("r", False),
        ("rr", False),
        ("wr", True),
        ("wrr", False),
        ("wwr", True),
        ("wwwwrr", True),
        ("wwwrrr", False),
        ("rrrrrw", False),
        ("wwwwww", False),
        ("rrrwrr", True),
    ],
)
def test_learned_late_is_in_the_last_third_of_at_least_two_epochs(digit: str, late: bool) -> None:
    assert fate(digit)["learned_late"] == late


@pytest.mark.parametrize(("sure", "confidently"), [(0.75, False), (0.95, True)])
def test_only_wrong_answers_above_the_threshold_are_confidently_wrong(sure: float, confidently: bool) -> None:
    assert fate("rw", sure=sure)["confidently_wrong"] == confidently
    assert not fate("wr", sure=sure)["confidently_wrong"]
    assert learning_summary(traced("rw", sure=0.75), threshold=0.7).confidently_wrong.all()
    assert not learning_summary(traced("rw", sure=0.75), threshold=0.75).confidently_wrong.any()


def test_difficulty_is_the_mean_probability_missing_from_the_true_class() -> None:
    assert fate("rrww")["difficulty"] == 0.5
    assert fate("rrrr")["difficulty"] == 0.25
    assert fate("w")["difficulty"] == 0.75


def test_time_travel_counts_only_what_was_known() -> None:
    whole = traced("wrw", "wwr")
    then = learning_summary(whole.until(2))
    assert then.epoch == 2
    assert then.learned_at.tolist() == [2, NEVER]
    assert then.forgotten.tolist() == [False, False]
    assert then.never_learned.tolist() == [False, True]
    assert learning_summary(whole.until(99)).epoch == 3


def test_a_missing_epoch_leaves_a_gap_and_the_others_keep_their_numbers() -> None:
    gapped = traced("wwr", "rrw", epochs=(2, 5, 9))
    assert learning_summary(gapped).learned_at.tolist() == [9, NEVER]
    assert learning_summary(gapped).lost_at.tolist() == [NEVER, 9]
    assert learning_summary(gapped.until(7)).epoch == 5
    with pytest.raises(AnalysisError, match="epoch 1 or before"):
        gapped.until(1)


def test_a_diverged_epoch_counts_as_answered_by_class_0_and_not_for_the_difficulty() -> None:
    labels = np.array([0, 1], dtype=np.uint8)
    first = np.array([[0.75, 0.25], [0.25, 0.75]], dtype=np.float16)
    reviewed = learning_summary(trace(labels, (1, 2), [first, np.full_like(first, np.nan)]))
    assert reviewed.learned_at.tolist() == [1, NEVER]
    assert reviewed.lost_at.tolist() == [NEVER, 2]
    assert not reviewed.confidently_wrong.any()
    assert reviewed.difficulty.tolist() == [0.25, 0.25]


def test_a_digit_that_never_had_a_probability_has_no_difficulty() -> None:
    assert np.isnan(learning_summary(traced("nn")).difficulty).all()


def test_adding_the_newest_epoch_gives_the_same_as_reading_them_all() -> None:
    labels, stack = recorded(1).labels, recorded_stack()
    grown = trace(labels, EPOCHS[:1], stack[:1]).with_epoch(2, stack[1]).with_epoch(3, stack[2])
    assert_equal(learning_summary(grown), learning_summary(trace(labels, EPOCHS, np.stack(stack))))


def test_the_recorded_digits_have_the_fates_that_their_answers_give_one_by_one() -> None:
    labels = recorded(1).labels
    reviewed = learning_summary(trace(labels, EPOCHS, recorded_stack()))
    right = np.array([each.argmax(axis=1) == labels for each in recorded_stack()])
    assert reviewed.forgotten.sum() > 0
    assert reviewed.learned_late.sum() > 0
    for row in range(len(labels)):
        history = right[:, row].tolist()
        assert reviewed.forgotten[row] == (any(history) and not history[-1])
        assert reviewed.learned_late[row] == (history == [history[0], False, True])
        assert reviewed.never_learned[row] == (not any(history))
        assert reviewed.flips[row] == sum(a != b for a, b in pairwise(history))
    p_true = [each.astype(np.float64)[np.arange(len(labels)), labels] for each in recorded_stack()]
    assert np.abs(reviewed.difficulty - (1 - np.mean(p_true, axis=0))).max() < 1e-7


@given(st.integers(0, 20), st.integers(2, 26), st.integers(1, 9), st.integers(0, 99))
def test_every_digit_has_one_fate(digits: int, classes: int, epochs: int, seed: int) -> None:
    labels = made_up(digits, classes, seed).labels
    stack = [made_up(digits, classes, seed * 10 + epoch, 0.5).probabilities for epoch in range(epochs)]
    reviewed = learning_summary(trace(labels, range(1, epochs + 1), stack))
    learned = reviewed.learned_at != NEVER
    assert (learned.astype(int) + reviewed.forgotten + reviewed.never_learned == 1).all()
    assert (reviewed.forgotten == (reviewed.lost_at != NEVER)).all()
    assert not (reviewed.learned_late & ~learned).any()
    assert ((reviewed.flips % 2 == 0) == (trace(labels, [1], stack[:1]).right[0] == learned)).all()
    assert ((reviewed.difficulty >= 0) & (reviewed.difficulty <= 1)).all()


@pytest.mark.parametrize(
    ("epochs", "count", "sentence"),
    [((), 0, "at least one"), ((1, 2), 1, "1 epochs for 2"), ((2, 1), 2, "do not ascend"), ((1, 1), 2, "2|ascend")],
)
def test_epochs_that_do_not_fit_the_stack_are_refused(epochs: tuple[int, ...], count: int, sentence: str) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        trace(np.zeros(1, dtype=np.uint8), epochs, stack_of("rr")[:count])


def assert_equal(one: LearningSummary, other: LearningSummary) -> None:
    assert one.epoch == other.epoch
    for name, column in vars(one).items():
        assert name == "epoch" or same(column, getattr(other, name)), name

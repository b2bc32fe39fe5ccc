"""Learned, forgotten and never-learned examples, as of any epoch."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.learning_history import NEVER, LearningHistory, LearningSummary, learning_summary, trace
from tests.analysis.samples import EPOCHS, made_up, recorded, recorded_stack, same


def stack_of(*examples: str) -> list[NDArray[np.float16]]:
    """Build probabilities from one string per example, one letter per epoch: c(orrect), w(rong), n(an)."""
    p = {"c": (0.75, 0.25), "w": (0.25, 0.75), "n": (np.nan, np.nan)}
    return [np.array([p[letter] for letter in epoch], dtype=np.float16) for epoch in zip(*examples, strict=True)]


def traced(*examples: str, epochs: tuple[int, ...] | None = None) -> LearningHistory:
    labels = np.zeros(len(examples), dtype=np.uint8)
    return trace(labels, epochs or tuple(range(1, len(examples[0]) + 1)), stack_of(*examples))


def summary_of(example: str) -> dict[str, object]:
    summary = learning_summary(traced(example))
    return {name: getattr(summary, name)[0] for name in vars(summary) if name != "epoch"}


@pytest.mark.parametrize(
    ("example", "learned_at", "lost_at", "flips"),
    [
        ("ccc", 1, NEVER, 0),
        ("wcc", 2, NEVER, 1),
        ("cwc", 3, NEVER, 2),
        ("ccw", NEVER, 3, 1),
        ("cww", NEVER, 2, 1),
        ("wcw", NEVER, 3, 2),
        ("www", NEVER, NEVER, 0),
        ("c", 1, NEVER, 0),
        ("w", NEVER, NEVER, 0),
    ],
)
def test_an_example_is_learned_when_it_stays_correct_and_lost_when_it_stays_wrong(
    example: str, learned_at: int, lost_at: int, flips: int
) -> None:
    summary = summary_of(example)
    assert (summary["learned_at"], summary["lost_at"], summary["flips"]) == (learned_at, lost_at, flips)
    assert summary["forgotten"] == (lost_at != NEVER)
    assert summary["never_learned"] == ("c" not in example)


@pytest.mark.parametrize(
    ("example", "late"),
    [
        ("c", False),
        ("cc", False),
        ("wc", True),
        ("wcc", False),
        ("wwc", True),
        ("wwwwcc", True),
        ("wwwccc", False),
        ("cccccw", False),
        ("wwwwww", False),
        ("cccwcc", True),
    ],
)
def test_learned_late_is_in_the_last_third_of_at_least_two_epochs(example: str, late: bool) -> None:
    assert summary_of(example)["learned_late"] == late


def test_difficulty_is_the_mean_of_one_minus_the_true_probability() -> None:
    assert summary_of("ccww")["difficulty"] == 0.5
    assert summary_of("cccc")["difficulty"] == 0.25
    assert summary_of("w")["difficulty"] == 0.75


def test_later_epochs_do_not_change_an_earlier_summary() -> None:
    whole = traced("wcw", "wwc")
    then = learning_summary(whole.until(2))
    assert then.epoch == 2
    assert then.learned_at.tolist() == [2, NEVER]
    assert then.forgotten.tolist() == [False, False]
    assert then.never_learned.tolist() == [False, True]
    assert learning_summary(whole.until(99)).epoch == 3


def test_missing_epochs_are_skipped_and_the_others_keep_their_numbers() -> None:
    gapped = traced("wwc", "ccw", epochs=(2, 5, 9))
    assert learning_summary(gapped).learned_at.tolist() == [9, NEVER]
    assert learning_summary(gapped).lost_at.tolist() == [NEVER, 9]
    assert learning_summary(gapped.until(7)).epoch == 5
    with pytest.raises(AnalysisError, match="up to epoch 1"):
        gapped.until(1)


def test_a_diverged_epoch_predicts_class_0_and_has_no_difficulty() -> None:
    labels = np.array([0, 1], dtype=np.uint8)
    first = np.array([[0.75, 0.25], [0.25, 0.75]], dtype=np.float16)
    summary = learning_summary(trace(labels, (1, 2), [first, np.full_like(first, np.nan)]))
    assert summary.learned_at.tolist() == [1, NEVER]
    assert summary.lost_at.tolist() == [NEVER, 2]
    assert summary.difficulty.tolist() == [0.25, 0.25]


def test_without_probabilities_there_is_no_difficulty() -> None:
    assert np.isnan(learning_summary(traced("nn")).difficulty).all()


def test_appending_epochs_agrees_with_tracing_all_at_once() -> None:
    labels, stack = recorded(1).labels, recorded_stack()
    grown = trace(labels, EPOCHS[:1], stack[:1]).with_epoch(2, stack[1]).with_epoch(3, stack[2])
    assert_equal(learning_summary(grown), learning_summary(trace(labels, EPOCHS, np.stack(stack))))


def test_the_summary_of_the_recorded_run_agrees_with_its_single_predictions() -> None:
    labels = recorded(1).labels
    summary = learning_summary(trace(labels, EPOCHS, recorded_stack()))
    correct = np.array([each.argmax(axis=1) == labels for each in recorded_stack()])
    assert summary.forgotten.sum() > 0
    assert summary.learned_late.sum() > 0
    for row in range(len(labels)):
        history = correct[:, row].tolist()
        assert summary.forgotten[row] == (any(history) and not history[-1])
        assert summary.learned_late[row] == (history == [history[0], False, True])
        assert summary.never_learned[row] == (not any(history))
        assert summary.flips[row] == sum(a != b for a, b in pairwise(history))
    true_probability = [each.astype(np.float64)[np.arange(len(labels)), labels] for each in recorded_stack()]
    assert np.abs(summary.difficulty - (1 - np.mean(true_probability, axis=0))).max() < 1e-7


@given(st.integers(0, 20), st.integers(2, 26), st.integers(1, 9), st.integers(0, 99))
def test_every_example_is_learned_forgotten_or_never_learned(count: int, classes: int, epochs: int, seed: int) -> None:
    labels = made_up(count, classes, seed).labels
    stack = [made_up(count, classes, seed * 10 + epoch, 0.5).probabilities for epoch in range(epochs)]
    summary = learning_summary(trace(labels, range(1, epochs + 1), stack))
    learned = summary.learned_at != NEVER
    assert (learned.astype(int) + summary.forgotten + summary.never_learned == 1).all()
    assert (summary.forgotten == (summary.lost_at != NEVER)).all()
    assert not (summary.learned_late & ~learned).any()
    assert ((summary.flips % 2 == 0) == (trace(labels, [1], stack[:1]).correct[0] == learned)).all()
    assert ((summary.difficulty >= 0) & (summary.difficulty <= 1)).all()


@pytest.mark.parametrize(
    ("epochs", "count", "message"),
    [
        ((), 0, "0 epochs"),
        ((1, 2), 1, "1 sets .* 2 epochs"),
        ((2, 1), 2, "not ascending"),
        ((1, 1), 2, "not ascending"),
    ],
)
def test_epochs_that_do_not_match_the_predictions_are_an_error(
    epochs: tuple[int, ...], count: int, message: str
) -> None:
    with pytest.raises(AnalysisError, match=message):
        trace(np.zeros(1, dtype=np.uint8), epochs, stack_of("cc")[:count])


def assert_equal(one: LearningSummary, other: LearningSummary) -> None:
    assert one.epoch == other.epoch
    for name, column in vars(one).items():
        assert name == "epoch" or same(column, getattr(other, name)), name

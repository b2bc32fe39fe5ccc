"""Verdicts given, taken back and lost, whatever the clock does."""

import msgspec

from mnist_tui.analysis.reviews import LabelReview, merge
from mnist_tui.ui.labels.review import ReviewSession
from tests.kit.recording import Clock

ONE = LabelReview(split="validation", index=7, label=4, outcome="right", by="ada")
OTHER = LabelReview(split="validation", index=9, label=4, outcome="wrong", correct=1)
FROM_ANOTHER_RUN = msgspec.structs.replace(ONE, outcome="unreadable", time=900.0)


def test_a_review_counts_before_it_is_written() -> None:
    review_session = ReviewSession(Clock(1_000.0))
    given = review_session.give(ONE, None)
    assert given == msgspec.structs.replace(ONE, time=1_000.0)
    assert review_session.standing([]) == [given]


def test_a_newer_review_of_another_user_counts() -> None:
    review_session = ReviewSession(Clock(1_000.0))
    review_session.give(ONE, None)
    newer = msgspec.structs.replace(FROM_ANOTHER_RUN, time=2_000.0)
    assert review_session.standing([newer]) == [newer]


def test_the_last_review_is_the_newest_whatever_the_clock_says() -> None:
    clock = Clock(1_000.0)
    review_session = ReviewSession(clock)
    first = review_session.give(ONE, None)
    clock.now = 500.0
    second = review_session.give(msgspec.structs.replace(ONE, outcome="unreadable"), first)
    assert second.time > first.time
    assert merge([second, first]) == [second]


def test_a_review_replaces_one_from_a_clock_that_is_ahead() -> None:
    ahead = msgspec.structs.replace(FROM_ANOTHER_RUN, time=5_000.0)
    given = ReviewSession(Clock(1_000.0)).give(ONE, ahead)
    assert merge([ahead, given]) == [given]


def test_taking_back_leaves_none_where_none_was() -> None:
    review_session = ReviewSession(Clock(1_000.0))
    given = review_session.give(ONE, None)
    assert review_session.can_undo
    withdrawal = review_session.undo()
    assert withdrawal.outcome == "withdrawn"
    assert merge([given, withdrawal]) == review_session.standing([given]) == []
    assert not review_session.can_undo


def test_taking_back_restores_what_stood_before_with_its_judge() -> None:
    review_session = ReviewSession(Clock(1_000.0))
    given = review_session.give(msgspec.structs.replace(ONE, by="bob"), FROM_ANOTHER_RUN)
    restored = review_session.undo()
    assert (restored.outcome, restored.by) == ("unreadable", FROM_ANOTHER_RUN.by)
    assert merge([FROM_ANOTHER_RUN, given, restored]) == [restored]


def test_reviews_are_undone_in_the_reverse_order() -> None:
    review_session = ReviewSession(Clock(1_000.0))
    review_session.give(ONE, None)
    review_session.give(OTHER, None)
    assert [review_session.undo().digit, review_session.undo().digit] == [OTHER.digit, ONE.digit]
    assert review_session.standing([]) == []


def test_a_wrong_label_is_withdrawn_without_its_correct_one() -> None:
    review_session = ReviewSession(Clock(1_000.0))
    review_session.give(OTHER, None)
    assert review_session.undo().correct is None


def test_a_review_that_was_given_elsewhere_can_be_undone() -> None:
    review_session = ReviewSession(Clock(0.0))
    withdrawn = review_session.withdraw(FROM_ANOTHER_RUN)
    assert merge([FROM_ANOTHER_RUN, withdrawn]) == []
    assert not review_session.can_undo


def test_a_review_that_could_not_be_written_neither_counts_nor_can_be_undone() -> None:
    review_session = ReviewSession(Clock(1_000.0))
    kept, lost = review_session.give(ONE, None), review_session.give(OTHER, None)
    review_session.lost(lost)
    assert review_session.standing([]) == [kept]
    assert review_session.undo().digit == ONE.digit
    assert not review_session.can_undo

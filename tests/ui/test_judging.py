"""Verdicts given, taken back and lost, whatever the clock does."""

import msgspec

from mnist_tui.analysis.verdicts import Verdict, merge
from mnist_tui.ui.judging import Judging
from tests.recording import Clock

ONE = Verdict(split="validation", index=7, label=4, verdict="right", by="ada")
OTHER = Verdict(split="validation", index=9, label=4, verdict="wrong", correct=1)
FROM_ANOTHER_RUN = msgspec.structs.replace(ONE, verdict="unreadable", time=900.0)


def test_a_verdict_gets_the_time_and_stands_before_it_is_in_the_book() -> None:
    judging = Judging(Clock(1_000.0))
    given = judging.give(ONE, None)
    assert given == msgspec.structs.replace(ONE, time=1_000.0)
    assert judging.standing([]) == [given]


def test_a_newer_verdict_of_another_person_stands() -> None:
    judging = Judging(Clock(1_000.0))
    judging.give(ONE, None)
    newer = msgspec.structs.replace(FROM_ANOTHER_RUN, time=2_000.0)
    assert judging.standing([newer]) == [newer]


def test_on_a_clock_that_stands_still_or_goes_back_the_last_verdict_is_still_the_newest() -> None:
    clock = Clock(1_000.0)
    judging = Judging(clock)
    first = judging.give(ONE, None)
    clock.now = 500.0
    second = judging.give(msgspec.structs.replace(ONE, verdict="unreadable"), first)
    assert second.time > first.time
    assert merge([second, first]) == [second]


def test_a_verdict_replaces_one_from_a_clock_that_is_ahead() -> None:
    ahead = msgspec.structs.replace(FROM_ANOTHER_RUN, time=5_000.0)
    given = Judging(Clock(1_000.0)).give(ONE, ahead)
    assert merge([ahead, given]) == [given]


def test_taking_back_leaves_none_where_none_was() -> None:
    judging = Judging(Clock(1_000.0))
    given = judging.give(ONE, None)
    assert judging.can_take_back
    withdrawal = judging.take_back()
    assert withdrawal.verdict == "withdrawn"
    assert merge([given, withdrawal]) == judging.standing([given]) == []
    assert not judging.can_take_back


def test_taking_back_restores_what_stood_before_with_its_judge() -> None:
    judging = Judging(Clock(1_000.0))
    given = judging.give(msgspec.structs.replace(ONE, by="bob"), FROM_ANOTHER_RUN)
    restored = judging.take_back()
    assert (restored.verdict, restored.by) == ("unreadable", FROM_ANOTHER_RUN.by)
    assert merge([FROM_ANOTHER_RUN, given, restored]) == [restored]


def test_verdicts_are_taken_back_in_the_reverse_order() -> None:
    judging = Judging(Clock(1_000.0))
    judging.give(ONE, None)
    judging.give(OTHER, None)
    assert [judging.take_back().digit, judging.take_back().digit] == [OTHER.digit, ONE.digit]
    assert judging.standing([]) == []


def test_a_wrong_label_is_withdrawn_without_its_correct_one() -> None:
    judging = Judging(Clock(1_000.0))
    judging.give(OTHER, None)
    assert judging.take_back().correct is None


def test_a_verdict_that_was_given_elsewhere_can_be_withdrawn() -> None:
    judging = Judging(Clock(0.0))
    withdrawn = judging.withdraw(FROM_ANOTHER_RUN)
    assert merge([FROM_ANOTHER_RUN, withdrawn]) == []
    assert not judging.can_take_back


def test_a_verdict_that_could_not_be_kept_neither_stands_nor_can_be_taken_back() -> None:
    judging = Judging(Clock(1_000.0))
    kept, lost = judging.give(ONE, None), judging.give(OTHER, None)
    judging.lost(lost)
    assert judging.standing([]) == [kept]
    assert judging.take_back().digit == ONE.digit
    assert not judging.can_take_back

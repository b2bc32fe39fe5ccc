"""Label reviews: merged, as columns beside predictions, as CSV, and in the accuracy."""

import csv
import io
import math
from typing import Literal

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.label_accuracy import Share, label_accuracy
from mnist_tui.analysis.review_csv import COLUMNS, Prediction, from_csv, to_csv
from mnist_tui.analysis.reviews import NO_CLASS, LabelReview, ReviewOutcome, merge, review_columns
from tests.kit.recording import time_zone

RIGHT = LabelReview(split="validation", index=7, label=4, outcome="right", time=1_700_000_000.25, by="ada")
WRONG = LabelReview(split="validation", index=9, label=4, outcome="wrong", correct=1, time=1_700_000_001.0)
UNREADABLE = LabelReview(split="test", index=7, label=1, outcome="unreadable", time=1_700_000_002.0)
Outcome = Literal["right", "wrong", "unreadable", "withdrawn"]
OUTCOMES: tuple[Outcome, ...] = ("right", "wrong", "unreadable", "withdrawn")
NAMES = ("cat", "dog", "bird, small", 'the "fish"', "o'hare")


@st.composite
def reviews(draw: st.DrawFn) -> LabelReview:
    label = draw(st.integers(0, 4))
    outcome: Outcome = draw(st.sampled_from(OUTCOMES))
    others = st.none() | st.integers(0, 4).filter(lambda each: each != label)
    return LabelReview(
        split=draw(st.sampled_from(("training", "validation", "test"))),
        index=draw(st.integers(0, 12)),
        label=label,
        outcome=outcome,
        correct=draw(others) if outcome == "wrong" else None,
        time=draw(st.integers(0, 40)) / 4,
        by=draw(st.sampled_from(("", "ada", "a, b\nc", '"'))),
    )


def test_the_newest_review_of_an_example_holds() -> None:
    newer = msgspec.structs.replace(RIGHT, outcome="unreadable", time=RIGHT.time + 1)
    assert merge([RIGHT], [newer]) == merge([newer, RIGHT]) == [newer]


def test_of_equally_new_reviews_the_last_holds() -> None:
    other = msgspec.structs.replace(RIGHT, outcome="unreadable")
    assert merge([RIGHT], [other]) == [other]


def test_a_withdrawn_review_leaves_none_until_the_next() -> None:
    withdrawn = msgspec.structs.replace(RIGHT, outcome="withdrawn", time=RIGHT.time + 1)
    again = msgspec.structs.replace(RIGHT, outcome="unreadable", time=RIGHT.time + 2)
    assert merge([RIGHT, WRONG, withdrawn]) == merge([withdrawn], [WRONG], [RIGHT]) == [WRONG]
    assert merge([RIGHT], [withdrawn, again]) == [again]


def test_a_withdrawal_older_than_the_review_has_no_effect() -> None:
    late = msgspec.structs.replace(RIGHT, outcome="withdrawn", time=RIGHT.time - 1)
    assert merge([RIGHT], [late]) == [RIGHT]


def test_training_and_validation_share_their_indices_and_test_has_its_own() -> None:
    trained_on = msgspec.structs.replace(RIGHT, split="training", time=RIGHT.time + 1)
    assert merge([RIGHT, UNREADABLE, trained_on]) == [UNREADABLE, trained_on]


@given(st.lists(reviews()), st.lists(reviews()))
def test_merging_keeps_one_review_per_example_and_merging_again_changes_nothing(
    one: list[LabelReview], other: list[LabelReview]
) -> None:
    merged = merge(one, other)
    standing = []
    for digit in sorted({each.digit for each in one + other}):
        known = [each for each in one + other if each.digit == digit]
        newest = max(each.time for each in known)
        last = [each for each in known if each.time == newest][-1]
        standing += [last] if last.outcome != "withdrawn" else []
    assert merged == standing
    assert merge(merged, merged) == merged


def test_columns_have_the_reviews_of_a_splits_examples() -> None:
    indices, labels = np.array([9, 7, 8], dtype=np.int32), np.array([4, 4, 4], dtype=np.uint8)
    reviewed, correct = review_columns([RIGHT, WRONG, UNREADABLE], "training", indices, labels)
    assert reviewed.tolist() == [ReviewOutcome.WRONG, ReviewOutcome.RIGHT, ReviewOutcome.UNREVIEWED]
    assert correct.tolist() == [1, NO_CLASS, NO_CLASS]


def test_a_review_of_another_label_is_ignored() -> None:
    reviewed, _ = review_columns([RIGHT], "validation", np.array([7], dtype=np.int32), np.array([5], dtype=np.uint8))
    assert reviewed.tolist() == [ReviewOutcome.UNREVIEWED]


def test_reviews_of_missing_examples_are_ignored() -> None:
    for indices in ([], [1, 2], [100, 200]):
        labels = np.full(len(indices), 4, dtype=np.uint8)
        reviewed, correct = review_columns([RIGHT, WRONG], "validation", np.array(indices, dtype=np.int32), labels)
        assert not reviewed.any()
        assert (correct == NO_CLASS).all()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"outcome": "right", "correct": 3}, "only wrong labels"),
        ({"outcome": "wrong", "correct": 4}, "class 4"),
        ({"outcome": "right", "index": -1}, "index is -1"),
        ({"outcome": "right", "label": 256}, "class is 256"),
        ({"outcome": "right", "split": ""}, "split is empty"),
        ({"outcome": "right", "time": math.nan}, "seconds since 1970"),
    ],
)
def test_a_review_that_contradicts_itself_is_rejected(fields: dict[str, object], sentence: str) -> None:
    whole = {"split": "test", "index": 1, "label": 4} | fields
    with pytest.raises(ValueError, match=sentence):
        LabelReview(**whole)  # type: ignore[arg-type]


def test_csv_has_a_heading_and_a_line_per_review() -> None:
    predictions = {WRONG.digit: Prediction(1, 0.998), RIGHT.digit: Prediction(9, math.nan)}
    lines = to_csv([RIGHT, WRONG], predictions=predictions).splitlines()
    assert lines == [
        "index,split,label,review,correct_label,predicted,confidence,time,by",
        "7,validation,4,right,,9,,2023-11-14T22:13:20.250000+00:00,ada",
        "9,validation,4,wrong,1,1,0.998,2023-11-14T22:13:21+00:00,",
    ]


def test_csv_writes_classes_by_name_where_they_have_one() -> None:
    table = list(csv.DictReader(io.StringIO(to_csv([WRONG], NAMES, {WRONG.digit: Prediction(2, 0.5)}))))
    assert [table[0][column] for column in ("label", "correct_label", "predicted")] == ["o'hare", "dog", "bird, small"]


@given(st.lists(reviews()), st.sampled_from(((), NAMES, ("1", "2", "3", "4", "5"))))
def test_what_is_written_reads_back_the_same(written: list[LabelReview], names: tuple[str, ...]) -> None:
    assert from_csv(to_csv(written, names), names) == [each for each in written if each.outcome != "withdrawn"]


@pytest.mark.parametrize("heading", ["review", "verdict"])
def test_csv_reads_columns_in_any_order_a_byte_order_mark_and_the_heading_of_version_0_1(heading: str) -> None:
    text = f"\ufefflabel,note,index,{heading},split,time\n4, mine ,7,right,validation,2023-11-14T22:13:20.25\n"
    with time_zone("Asia/Tokyo"):  # a time without a zone is UTC wherever it is read
        assert from_csv(text) == [msgspec.structs.replace(RIGHT, by="")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "lacks the columns index, split, label, review"),
        ("index,label\n1,2\n", "lacks the columns split, review"),
        ("index,split,label,review\n1,test,4,right\n2,test,4,maybe\n", "Line 3 .*“maybe”.*right, wrong or unreadable"),
        ("index,split,label,review\nx,test,4,right\n", "Line 2 .*“x”; it must be a whole number"),
        ("index,split,label,review\n1,test,cat,right\n", "Line 2 .*class “cat”"),
        ("index,split,label,review\n1,test,,right\n", "Line 2 .*class “”"),
        ("index,split,label,review\n1,,4,right\n", "Line 2 .*split is empty"),
        ("index,split,label,review\n1,test\n", "Line 2 "),
        ("index,split,label,review,correct_label\n1,test,4,right,3\n", "Line 2 .*only wrong labels"),
        ("index,split,label,review,time\n1,test,4,right,noon\n", "Line 2 .*“noon”"),
        ("index,split,label,review,time\n1,test,4,right,1969-01-01\n", "Line 2 .*since 1970"),
        ("index,split,label,review\n99999999999,test,4,right\n", "Line 2 .*index is 99999999999"),
    ],
)
def test_csv_that_cannot_be_read_is_an_error_with_the_line(text: str, sentence: str) -> None:
    with pytest.raises(AnalysisError, match=sentence):
        from_csv(text)


def test_no_reviews_are_a_heading_alone() -> None:
    assert to_csv([]) == ",".join(COLUMNS) + "\n"
    assert from_csv(to_csv([])) == []


def accuracy(reviewed: list[ReviewOutcome], correct: list[int], flagged: list[bool]) -> tuple[Share, ...]:
    """Return the accuracies of four examples labelled 0, 0, 1, 1 and predicted as 0, 1, 1, 0."""
    counted = label_accuracy(
        np.array([0, 0, 1, 1], dtype=np.uint8),
        np.array([0, 1, 1, 0], dtype=np.uint8),
        np.array(flagged),
        np.array(reviewed, dtype=np.uint8),
        np.array(correct, dtype=np.int16),
    )
    return counted.as_labelled, counted.without_flagged, counted.without_mislabelled, counted.corrected


def test_without_reviews_and_issues_every_accuracy_is_that_as_labelled() -> None:
    assert set(accuracy([ReviewOutcome.UNREVIEWED] * 4, [NO_CLASS] * 4, [False] * 4)) == {Share(2, 4)}


def test_corrected_labels_count_and_unreadable_ones_do_not() -> None:
    reviewed = [ReviewOutcome.RIGHT, ReviewOutcome.WRONG, ReviewOutcome.UNREVIEWED, ReviewOutcome.UNREADABLE]
    figures = accuracy(reviewed, [NO_CLASS, 1, NO_CLASS, NO_CLASS], [False, True, False, False])
    assert figures == (Share(2, 4), Share(2, 3), Share(2, 2), Share(3, 3))


def test_a_wrong_label_without_a_correct_class_is_left_out() -> None:
    reviewed = [ReviewOutcome.WRONG, ReviewOutcome.UNREVIEWED, ReviewOutcome.UNREVIEWED, ReviewOutcome.UNREVIEWED]
    assert accuracy(reviewed, [NO_CLASS] * 4, [False] * 4)[3] == Share(1, 3)


def test_no_examples_have_no_accuracy() -> None:
    assert Share(0, 0).accuracy is None
    assert Share(1, 4).accuracy == 0.25

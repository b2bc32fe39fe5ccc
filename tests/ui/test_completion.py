"""Completion of a partial filter."""

import pytest

from mnist_tui.analysis.query import parse
from mnist_tui.ui.digits.completion import complete, without_partial_word, word_before

NAMES = ("shirt", "shoe", "coat", "t shirt")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tr", "true:"),
        ("pr", "pred:"),
        ("conf", "conf"),
        ("confi", "confidently-wrong "),
        ("-forg", "-forgotten "),
        ("true:4 learned", "true:4 learned-late "),
        ("true:sh", "true:sh"),
        ("true:shi", "true:shirt "),
        ("true:coat,sho", "true:coat,shoe "),
        ("zebra", "zebra"),
        ("", ""),
        ("wrong ", "wrong "),
    ],
)
def test_completion_goes_as_far_as_the_candidates_agree(text: str, expected: str) -> None:
    assert complete(text, len(text), NAMES) == (expected, len(expected))


def test_only_the_word_before_the_cursor_is_completed() -> None:
    assert word_before("tr wrong", 2) == "tr"
    assert complete("forg conf>0.9", 4) == ("forgotten conf>0.9", 10)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("true:t", 'true:"t shirt" '),
        ('true:"t', 'true:"t shirt" '),
        ('true:"T S', 'true:"t shirt" '),
        ('wrong -true:coat,"t s', 'wrong -true:coat,"t shirt" '),
    ],
)
def test_names_with_blanks_are_completed_in_quotation_marks(typed: str, expected: str) -> None:
    assert complete(typed, len(typed), NAMES) == (expected, len(expected))
    assert parse(expected, NAMES).terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true:4 pre", "true:4 "),
        ("true:4 pred:", "true:4 "),
        ("conf>", ""),
        ("wrong", "wrong"),
        ("forgotten unrev", "forgotten "),
        ("true:4", "true:4"),
        ("conf>0.5", "conf>0.5"),
        ("zebra", "zebra"),
        ("true:4,", ""),
        ("", ""),
    ],
)
def test_an_incomplete_word_is_left_out(text: str, expected: str) -> None:
    assert without_partial_word(text, len(text)) == expected

"""What Tab makes of a begun filter."""

import pytest

from mnist_tui.ui.digits.completion import begun, candidates, complete, finished

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
def test_tab_completes_as_far_as_it_is_certain(text: str, expected: str) -> None:
    assert complete(text, len(text), NAMES) == (expected, len(expected))


def test_the_word_before_the_cursor_is_completed_and_the_rest_stays() -> None:
    assert begun("tr wrong", 2) == "tr"
    assert complete("forg conf>0.9", 4) == ("forgotten conf>0.9", 10)


def test_names_that_need_quotation_marks_are_not_offered() -> None:
    assert candidates("true:t", NAMES) == []


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
def test_a_word_that_is_only_begun_asks_for_nothing_yet(text: str, expected: str) -> None:
    assert finished(text, len(text)) == expected

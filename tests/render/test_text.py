import math

import pytest

from mnist_tui.render.text import bar, cell_len, clip, clip_parts, duration, padded, percent, sanitize, shape, widest


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00"),
        (59.4, "00:59"),
        (59.6, "01:00"),
        (134, "02:14"),
        (3_599.5, "1:00:00"),
        (3_734, "1:02:14"),
        (360_000, "100:00:00"),
        (-3, "00:00"),
        (None, "--:--"),
        (math.nan, "--:--"),
        (math.inf, "--:--"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("fraction", [-1.0, 0.0, 0.001, 0.33, 0.5, 0.999, 1.0, 7.0, math.nan])
@pytest.mark.parametrize("width", [0, 1, 2, 10])
def test_a_bar_has_the_given_width(fraction: float, width: int) -> None:
    assert len(bar(fraction, width)) == width


def test_a_bar_is_filled_by_eighths() -> None:
    assert [bar(eighths / 16, 2) for eighths in (0, 1, 4, 8, 13, 16)] == ["  ", "▏ ", "▌ ", "█ ", "█▋", "██"]


@pytest.mark.parametrize(
    ("output_shape", "text"), [((28, 28, 64), "28×28×64"), ((12544,), "12,544"), ((10,), "10"), ((), "")]
)
def test_shape(output_shape: tuple[int, ...], text: str) -> None:
    assert shape(output_shape) == text


def test_percent() -> None:
    assert percent(0.9929) == "99.29 %"
    assert percent(1.0, digits=0) == "100 %"
    assert percent(0.0) == "0.00 %"
    assert percent(None) == "–"


@pytest.mark.parametrize(
    ("text", "width", "clipped"),
    [
        ("digits", 6, "digits"),
        ("digits", 5, "digi…"),
        ("digits", 1, "…"),
        ("digits", 0, ""),
        ("", 0, ""),
        ("猫と犬", 6, "猫と犬"),
        ("猫と犬", 5, "猫と…"),
        ("猫と犬", 4, "猫…"),
        ("猫と犬", 1, "…"),
    ],
)
def test_clip(text: str, width: int, clipped: str) -> None:
    assert clip(text, width) == clipped


@pytest.mark.parametrize("text", ["", "digit", "猫と犬", "🐈 cat", "Ankle boot"])
@pytest.mark.parametrize("width", range(8))
def test_padded_text_takes_exactly_the_given_cells(text: str, width: int) -> None:
    for align in ("left", "center", "right"):
        assert cell_len(padded(text, width, align)) == width
    if text.isascii() and len(text) <= width:
        assert padded(text, width, "center") == text.center(width)


def test_widest_counts_cells() -> None:
    assert widest(["digit", "猫と犬"]) == 6
    assert widest([]) == 0


@pytest.mark.parametrize(
    ("text", "width", "clipped"),
    [
        ("step 1,200 · 970 images/s · 00:23 left", 38, "step 1,200 · 970 images/s · 00:23 left"),
        ("step 1,200 · 970 images/s · 00:23 left", 37, "step 1,200 · 970 images/s"),
        ("step 1,200 · 970 images/s · 00:23 left", 12, "step 1,200"),
        ("step 1,200 · 970 images/s", 5, "step…"),
        ("", 0, ""),
    ],
)
def test_clip_parts_drops_whole_parts(text: str, width: int, clipped: str) -> None:
    assert clip_parts(text, width) == clipped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("brave-otter 7→9", "brave-otter 7→9"),
        ("", ""),
        ("a\x1b[2Jb\x07", "a?[2Jb?"),
        ("two\nlines\tand\u2028more\xa0", "two lines and more "),
        ("\u202eabc\u2066", "?abc?"),
        ("\x9b31m\x00", "?31m?"),
        ("\udc80", "?"),
    ],
)
def test_sanitized_text_cannot_control_the_terminal(text: str, shown: str) -> None:
    assert sanitize(text) == shown
    assert sanitize(text).isprintable()
    assert len(sanitize(text)) == len(text)

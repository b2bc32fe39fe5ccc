"""Curves in braille, compared dot by dot."""

import numpy as np
import pytest

from mnist_tui.render.curve import braille_curve, place

UNIT = (0.0, 1.0)


def dots(lines: list[str]) -> list[str]:
    """Every dot of the lines as # or ., the highest first."""
    bits = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
    return [
        "".join("#" if (ord(cell) if cell != " " else 0) & bit else "." for cell in line for bit in pair)
        for line in lines
        for pair in bits
    ]


def drawn(x: list[float], y: list[float], width: int = 3, height: int = 1) -> list[str]:
    return dots(braille_curve(np.array(x), np.array(y), width, height, UNIT, UNIT))


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    assert drawn([0, 1], [0, 1], width=2) == ["...#", "..#.", ".#..", "#..."]


def test_a_flat_line_is_joined_however_few_its_points() -> None:
    assert drawn([0, 1], [1, 1]) == ["######", "......", "......", "......"]


def test_a_steep_step_is_joined_too() -> None:
    assert drawn([0, 0.4, 0.4, 1], [1, 1, 0, 0]) == ["###...", "..#...", "..#...", "..####"]


def test_gaps_are_left_out_and_a_lone_point_is_a_dot() -> None:
    assert drawn([0.5, 1], [0.0, np.nan]) == ["......", "......", "......", "...#.."]
    assert drawn([], []) == ["......"] * 4


def test_what_is_beyond_the_limits_is_drawn_at_the_edge() -> None:
    assert drawn([-5, 9], [2, 2]) == ["######", "......", "......", "......"]


def test_lines_have_the_size_that_was_asked_for() -> None:
    lines = braille_curve(np.linspace(0, 1, 500), np.random.default_rng(3).random(500), 17, 6, UNIT, UNIT)
    assert [len(line) for line in lines] == [17] * 6


@pytest.mark.parametrize(("value", "cell"), [(0.0, 0), (0.49, 4), (0.5, 5), (1.0, 9), (-3.0, 0), (7.0, 9)])
def test_a_value_falls_into_the_cell_of_its_share(value: float, cell: int) -> None:
    assert place(value, UNIT, 10) == cell


def test_limits_that_are_equal_place_everything_at_the_end() -> None:
    assert place(0.5, (0.5, 0.5), 10) == 9

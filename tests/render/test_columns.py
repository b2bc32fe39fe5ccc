"""Upright bars of eighths, compared line by line."""

import pytest

from mnist_tui.render.columns import log_share, upright_bars


def test_bars_stand_on_the_lowest_line_with_a_gap_between_them() -> None:
    assert upright_bars([0.0, 0.5, 1.0], 3, 2) == ["      ██ ", "   ██ ██ "]


def test_heights_are_eighths_of_a_cell() -> None:
    assert upright_bars([0.25, 0.375, 9 / 16], 2, 1) == ["▂ ▃ ▄ "]


def test_what_is_above_zero_is_seen_however_small() -> None:
    assert upright_bars([1e-9, 0.0], 2, 3) == ["    ", "    ", "▁   "]


def test_bars_of_one_column_have_no_gap() -> None:
    assert upright_bars([1.0, 0.5], 1, 1) == ["█▄"]


def test_more_than_everything_is_everything() -> None:
    assert upright_bars([1.5], 2, 1) == ["█ "]


def test_the_logarithm_keeps_a_single_answer_in_sight() -> None:
    assert log_share(0, 5_000) == 0
    assert log_share(5_000, 5_000) == 1
    assert log_share(1, 5_000) == pytest.approx(0.0814, abs=1e-4)
    assert log_share(0, 0) == 0

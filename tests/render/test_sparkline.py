"""A series in one line."""

import math

from mnist_tui.render.sparkline import LOST, sparkline


def test_it_rises_with_the_series_and_ends_at_the_right() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 1], 4) == "  ▁█"


def test_more_values_than_cells_are_averaged_and_all_of_them_count() -> None:
    assert sparkline([0, 0, 10, 10], 2) == "▁█"
    assert sparkline([*range(1_000)], 8) == "▁▂▃▄▅▆▇█"


def test_a_lost_value_is_marked_and_hides_no_other() -> None:
    assert sparkline([0, None, 1, math.nan, math.inf], 5) == f"▁{LOST}█{LOST}{LOST}"
    assert sparkline([None, None], 2) == LOST * 2


def test_limits_keep_the_scale() -> None:
    assert sparkline([0.0, 0.01], 2, (0, 1)) == "▁▁"
    assert sparkline([-5, 5], 2, (0, 1)) == "▁█"


def test_a_constant_is_a_flat_line_and_a_single_value_none() -> None:
    assert sparkline([3, 3, 3], 3) == "▄▄▄"
    assert sparkline([3], 5) == "     "
    assert sparkline([], 3) == "   "
    assert sparkline([1, 2], 0) == ""

"""Histograms as columns of an image."""

import numpy as np
import pytest

from mnist_tui.events import Histogram
from mnist_tui.render.histograms import comparable, history_image, value_ticks


def histogram(*levels: int, low: int = -3, high: int = 1) -> Histogram:
    return Histogram(low, high, bytes(levels))


def test_a_column_has_the_newest_sample_up_to_its_last_step() -> None:
    samples = [(10, histogram(1, 2, 3)), (55, histogram(4, 5, 6))]
    image = history_image(samples, 100, 10, 3)
    assert image[0].tolist() == [3, 3, 3, 3, 3, 6, 6, 6, 6, 6]
    assert image[2].tolist() == [1, 1, 1, 1, 1, 4, 4, 4, 4, 4]
    assert history_image(samples, 100, 20, 3)[1].tolist() == [0, *[2] * 9, *[5] * 10][:20]


def test_columns_before_the_first_sample_are_empty() -> None:
    assert history_image([(90, histogram(9, 9, 9))], 100, 5, 3)[1].tolist() == [0, 0, 0, 0, 9]


@pytest.mark.parametrize(("rows", "column"), [(5, [5, 4, 3, 2, 1]), (2, [5, 3]), (10, [5, 5, 4, 4, 3, 3, 2, 2, 1, 1])])
def test_few_rows_show_the_fullest_bins_and_many_repeat_them(rows: int, column: list[int]) -> None:
    image = history_image([(0, histogram(1, 2, 3, 4, 5))], 1, 1, rows)
    assert image.shape == (rows, 1)
    assert image[:, 0].tolist() == column


def test_samples_with_other_bins_than_the_newest_are_left_out() -> None:
    samples = [(1, histogram(1, 2, 3, low=-5)), (2, histogram(1, 2, 3, 4, 5)), (3, histogram(1, 2, 3))]
    assert comparable(samples) == samples[2:]
    assert comparable([]) == []


def test_ticks_are_powers_of_ten_of_either_sign() -> None:
    ticks = value_ticks(Histogram(-3, 1, bytes(33)), 33)
    assert [ticks[row] for row in sorted(ticks)] == ["1", "0.1", "0.01", "0", "-0.01", "-0.1", "-1"]
    assert ticks[16] == "0"
    assert ticks[16 - 1 - 12] == "1"  # 4 bins a decade, from 0.001 on
    wide = value_ticks(Histogram(-7, 1, bytes(33)), 33)
    assert "1e-5" in wide.values()
    assert np.diff(sorted(wide)).min() > 1

"""Histograms by sign and size, checked against NumPy's on the same edges."""

import numpy as np
import pytest

from mnist_tui.analysis.log_histogram import (
    ACTIVATIONS,
    BINS_A_SIDE,
    GRADIENTS,
    WEIGHTS,
    LogScale,
    log_shares,
    shares_of,
)


@pytest.mark.parametrize("scale", [WEIGHTS, GRADIENTS, ACTIVATIONS])
def test_shares_are_those_of_numpy(scale: LogScale) -> None:
    random = np.random.default_rng(0)
    values = (random.normal(size=20_000) * 10.0 ** random.uniform(-9, 3, 20_000)).astype(np.float32)
    levels = log_shares(values, scale)
    assert levels is not None
    sizes = np.logspace(scale.low, scale.high, BINS_A_SIDE + 1)[:-1]
    edges = np.concatenate([[-np.inf], -sizes[::-1], sizes, [np.inf]])
    expected = np.histogram(values, edges)[0] / len(values)
    assert np.allclose(np.sqrt(shares_of(levels)), np.sqrt(expected), atol=2 / 255)


def test_a_single_number_among_many_shows() -> None:
    values = np.zeros(100_000, np.float32)
    values[7] = -5e9
    levels = log_shares(values, WEIGHTS)
    assert levels is not None
    assert [place for place, level in enumerate(levels) if level] == [0, BINS_A_SIDE]


def test_numbers_that_are_not_finite_are_left_out() -> None:
    assert log_shares(np.array([np.nan, np.inf]), WEIGHTS) is None
    assert log_shares(np.array([]), WEIGHTS) is None
    levels = log_shares(np.array([np.nan, 0.0]), WEIGHTS)
    assert levels is not None
    assert shares_of(levels)[BINS_A_SIDE] == 1

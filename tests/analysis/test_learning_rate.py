"""The range test of the learning rate: when it ends, and what it suggests."""

import math

import numpy as np
import pytest

from mnist_tui.analysis.learning_rate import EXPLODED, HIGHEST, LOWEST, has_exploded, rates, smoothed, suggest

TRIED = rates(300)


def valley(rise: float, depth: float = 2.0) -> list[float]:
    """Return losses that fall from 2.3 around a rate of 1e-4 and explode above `rise`."""
    logs = np.log10(TRIED)
    falling = 2.3 - depth / (1 + np.exp(-4 * (logs + 4)))
    noise = np.random.default_rng(0).normal(0, 0.03, len(logs))
    with np.errstate(over="ignore"):
        return list(map(float, falling + noise + (TRIED / rise) ** 6 * 0.1))


def test_the_rates_grow_by_the_same_factor_from_the_lowest_to_the_highest() -> None:
    assert (TRIED[0], TRIED[-1]) == (pytest.approx(LOWEST), pytest.approx(HIGHEST))
    assert np.allclose(TRIED[1:] / TRIED[:-1], TRIED[1] / TRIED[0])


def test_the_smoothed_loss_begins_with_the_first_and_follows_a_change() -> None:
    means = smoothed([2.0] * 5 + [1.0] * 60)
    assert means[:5] == pytest.approx([2.0] * 5)
    assert means[-1] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("losses", "exploded"),
    [
        ([], False),
        ([2.3, math.nan], True),
        ([2.3] * 20, False),
        ([2.3] * 20 + [2.3 * EXPLODED * 1.1], False),  # one bad batch
        ([2.3] * 20 + [2.3 * EXPLODED * 1.1] * 60, True),
        ([2.3, 90.0], False),  # too early to say
    ],
)
def test_the_test_ends_once_the_smoothed_loss_explodes(losses: list[float], exploded: bool) -> None:
    assert has_exploded(losses) is exploded


@pytest.mark.parametrize("rise", [0.003, 0.03, 0.3])
def test_a_tenth_of_the_rate_above_which_the_loss_rises_is_suggested(rise: float) -> None:
    found = suggest(TRIED.tolist(), valley(rise))
    assert found.rate == pytest.approx(rise / 10, rel=0.5)
    assert "the loss rises above" in found.reason


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        ([2.3] * 300, "hardly falls"),
        (valley(0.03, depth=0.05), "hardly falls"),
        ([2.3] * 5 + [math.nan], "only 5 steps"),
        ([], "only 0 steps"),
        ([2.3 * 0.98**step for step in range(12)], "rises from the lowest rates on"),
    ],
    ids=["flat", "nearly flat", "not finite at once", "nothing", "stopped early"],
)
def test_without_a_valley_there_is_no_suggestion_but_a_reason(losses: list[float], reason: str) -> None:
    found = suggest(TRIED[: len(losses)].tolist(), losses)
    assert found.rate is None
    assert reason in found.reason


def test_a_loss_that_is_no_longer_finite_ends_the_valley() -> None:
    losses = valley(0.03)
    cut = [*losses[:270], *[math.nan] * 30]
    assert suggest(TRIED.tolist(), cut).rate == suggest(TRIED.tolist(), losses).rate

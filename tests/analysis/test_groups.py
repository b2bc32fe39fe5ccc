"""Groups of runs: mean and spread, and the settings that mattered, against scipy and the textbook's formulas."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from mnist_tui.analysis.groups import Effect, effects, spread

RATES, SEEDS = ("0.01", "0.02", "0.04"), ("0", "1", "2")
GRID = [{"preset": "fast", "learning rate": rate, "seed": seed} for rate, seed in itertools.product(RATES, SEEDS)]
RESULTS = [0.970, 0.971, 0.969, 0.981, 0.983, 0.982, 0.975, 0.976, 0.977]


def named(found: list[Effect]) -> dict[str, Effect]:
    return {" ".join(effect.settings): effect for effect in found}


def test_the_spread_leaves_out_what_is_not_known() -> None:
    found = spread([0.9, None, 0.92, math.nan, 0.94])
    assert found is not None
    assert (found.count, found.lowest, found.highest) == (3, 0.9, 0.94)
    assert found.deviation == pytest.approx(0.02)
    assert found.interval == pytest.approx(stats.t.interval(0.95, 2, 0.92, 0.02 / math.sqrt(3)))


def test_a_single_result_has_no_spread_and_none_no_mean() -> None:
    found = spread([0.9])
    assert found is not None
    assert found.deviation is None
    assert found.interval is None
    assert spread([None]) is None


def test_one_setting_is_tested_as_by_scipy() -> None:
    (found,) = effects([{"rate": run["learning rate"]} for run in GRID], RESULTS)
    groups = np.array(RESULTS).reshape(3, 3)
    assert found.p == pytest.approx(stats.f_oneway(*groups).pvalue)
    between = 3 * ((groups.mean(axis=1) - groups.mean()) ** 2).sum()
    assert found.share == pytest.approx(between / ((groups - groups.mean()) ** 2).sum())


def test_two_settings_share_the_variance_as_in_a_two_way_analysis() -> None:
    found = named(effects(GRID, RESULTS))
    assert list(found) == ["learning rate", "seed"]
    table = np.array(RESULTS).reshape(3, 3)
    rows, columns = (3 * ((table.mean(axis=axis) - table.mean()) ** 2).sum() for axis in (1, 0))
    rest = ((table - table.mean()) ** 2).sum() - rows - columns
    assert found["learning rate"].p == pytest.approx(stats.f.sf(rows / 2 / (rest / 4), 2, 4))
    assert found["seed"].p == pytest.approx(stats.f.sf(columns / 2 / (rest / 4), 2, 4))
    assert [value.mean for value in found["learning rate"].values] == pytest.approx(table.mean(axis=1).tolist())
    assert "unlikely" in found["learning rate"].words


def test_without_repeats_nothing_is_told_from_chance() -> None:
    (found,) = effects([{"rate": rate} for rate in RATES], [0.1, 0.2, 0.3])
    assert found.share == pytest.approx(1)
    assert found.p is None
    assert "--seed" in found.words


def test_settings_that_change_together_are_one() -> None:
    runs = [run | {"optimizer": f"for {run['learning rate']}"} for run in GRID]
    assert named(effects(runs, RESULTS)).keys() == {"learning rate optimizer", "seed"}


def test_a_setting_that_another_one_decides_cannot_be_told_from_it() -> None:
    runs = [{"rate": rate, "small": str(rate == "1")} for rate in "112233"]
    found = named(effects(runs, [0.1, 0.2, 0.3, 0.4, 0.5, 0.7]))
    assert found["small"].share is None
    assert "cannot be told" in found["small"].words


@pytest.mark.parametrize("results", [[0.5] * 9, [None] * 9, [0.9, *[None] * 8]], ids=["equal", "none", "one"])
def test_results_without_variance_have_no_effect(results: list[float | None]) -> None:
    assert all(effect.share == 0 for effect in effects(GRID, results))


def test_a_missing_run_does_not_count() -> None:
    found = named(effects(GRID, [None, *RESULTS[1:]]))
    assert [value.count for value in found["learning rate"].values] == [2, 3, 3]

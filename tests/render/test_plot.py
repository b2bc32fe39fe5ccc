"""Plots show every spike, pass over what is no number, and fit whatever room there is."""

import math
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.render.plot import Axes, Numbers, Series, decimals, decimate, draw, nice_ticks, smooth, y_range

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
BLUE = (0, 0, 255)
NAN = float("nan")


def numbers(*values: float) -> Numbers:
    return np.array(values, dtype=float)


def noise(count: int, seed: int = 3) -> Numbers:
    return np.random.default_rng(seed).normal(size=count)


def axes(last: float = 100.0, bounds: tuple[float, float] = (-math.inf, math.inf)) -> Axes:
    return Axes(
        format_x=lambda value, decimals: f"{value:,.{decimals}f}",
        format_y=lambda value, decimals: f"{value:,.{decimals}f}",
        ticks=(128, 128, 128),
        background=(0, 0, 0),
        x_limits=(0.0, last),
        y_bounds=bounds,
    )


def drawn(series: list[Series], columns: int, rows: int, last: float = 100.0) -> list[str]:
    """The plot's lines without their colours."""
    return ESCAPE.sub("", draw(series, axes(last), columns, rows)).splitlines()


@pytest.mark.parametrize("count", [0, 1, 2, 39, 40, 41, 1_000, 99_999])
def test_every_column_keeps_its_least_and_its_greatest(count: int) -> None:
    columns = 20
    x, y = np.arange(count, dtype=float), noise(count)
    few_x, few_y = decimate(x, y, columns)
    assert len(few_x) <= 2 * columns
    assert (np.diff(few_x) > 0).all()
    assert set(zip(few_x, few_y, strict=True)) <= set(zip(x, y, strict=True))
    if count > 2 * columns:
        bucket = np.minimum(x * columns / x[-1], columns - 1).astype(int)
        for column in range(columns):
            inside = y[bucket == column]
            assert {inside.min(), inside.max()} <= set(few_y.tolist())
    else:
        assert few_y.tolist() == y.tolist()


def test_one_spike_in_a_million_survives() -> None:
    y = np.zeros(1_000_000)
    y[123_456] = 9.0
    assert decimate(np.arange(len(y), dtype=float), y, 100)[1].max() == 9.0


def test_what_is_no_number_is_left_out() -> None:
    x, y = decimate(np.arange(6.0), numbers(NAN, 1, math.inf, 2, -math.inf, NAN), 10)
    assert x.tolist() == [1, 3]
    assert y.tolist() == [1, 2]
    assert decimate(np.arange(500.0), np.full(500, NAN), 10)[0].size == 0


def test_points_at_one_place_are_kept() -> None:
    assert decimate(np.full(100, 7.0), np.arange(100.0), 10)[1].size == 100


def naive(values: Numbers, weight: float) -> list[float]:
    """The same average, number by number."""
    total = norm = 0.0
    out = []
    for value in values:
        total, norm = total * weight, norm * weight
        if math.isfinite(value):
            total, norm = total + (1 - weight) * value, norm + (1 - weight)
        out.append(total / norm if norm else NAN)
    return out


@pytest.mark.parametrize("weight", [0.01, 0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("count", [0, 1, 2, 50, 5_000, 40_000])
def test_smoothing_is_the_bias_corrected_moving_average(weight: float, count: int) -> None:
    values: NDArray[np.float64] = noise(count) + 10
    values[:: max(1, count // 7)] = NAN
    np.testing.assert_allclose(smooth(values, weight), naive(values, weight), rtol=1e-9)


def test_smoothing_starts_at_the_first_value_and_passes_over_nan() -> None:
    assert smooth(numbers(NAN, 5, NAN, 5), 0.95)[1:].tolist() == pytest.approx([5, 5, 5])
    assert math.isnan(smooth(numbers(NAN, 5), 0.95)[0])
    assert np.isnan(smooth(np.full(10, NAN), 0.95)).all()


def test_no_smoothing_is_the_values_themselves() -> None:
    np.testing.assert_array_equal(smooth(numbers(1, NAN, 3), 0.0), numbers(1, NAN, 3))


def test_the_range_shows_all_points_but_the_rarest_bad_ones_of_a_line() -> None:
    y = np.concatenate([numbers(100.0), np.linspace(1, 2, 200)])
    x = np.arange(len(y), dtype=float)
    assert y_range([Series(x, y, BLUE)])[1] > 100
    low, high = y_range([Series(x, y, BLUE, worst="high")])
    assert low < 1
    assert 1.9 < high < 3
    low, high = y_range([Series(x, -y, BLUE, worst="low")])
    assert -3 < low < -1.9
    assert high > -1
    assert y_range([Series(x, y, BLUE, worst="high"), Series(x[:1], numbers(50), BLUE, "★")])[1] > 50


@pytest.mark.parametrize("values", [(), (NAN, NAN), (math.inf,)])
def test_the_range_of_nothing_is_a_range(values: tuple[float, ...]) -> None:
    assert y_range([Series(np.arange(len(values), dtype=float), numbers(*values), BLUE)]) == (0.0, 1.0)


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 1e-9, 1e12])
def test_the_range_of_one_value_has_it_inside(value: float) -> None:
    low, high = y_range([Series(numbers(1, 2), numbers(value, value), BLUE)])
    assert low < value < high


@pytest.mark.parametrize("most", [1, 2, 5, 9])
@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0, 2_580), (0.5, 0.52), (-3, 7), (97.2, 99.9), (1e-9, 3e-9), (0, 1e9), (5, 5.0001)]
)
def test_ticks_are_round_evenly_apart_and_inside(low: float, high: float, most: int) -> None:
    ticks = nice_ticks(low, high, most)
    assert 1 <= len(ticks) <= max(most, 1)
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in ticks) or ticks == [low]
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        np.testing.assert_allclose(np.diff(ticks), step, rtol=1e-6)
        mantissa = step / 10 ** math.floor(math.log10(step * (1 + 1e-9)))
        assert min(abs(mantissa - nice) for nice in (1, 2, 5)) < 1e-6
        words = [f"{tick:.{decimals(ticks)}f}" for tick in ticks]
        assert len(set(words)) == len(words)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (NAN, 1), (0, math.inf)])
def test_a_range_that_is_none_has_one_tick(low: float, high: float) -> None:
    assert len(nice_ticks(low, high, 5)) == 1


SHAPES = {
    "empty": [Series(numbers(), numbers(), BLUE)],
    "no series": [],
    "one point": [Series(numbers(1), numbers(0.5), BLUE)],
    "constant": [Series(np.arange(50.0), np.full(50, 3.0), BLUE)],
    "zero": [Series(np.arange(50.0), np.zeros(50), BLUE)],
    "only NaN": [Series(np.arange(50.0), np.full(50, NAN), BLUE)],
    "a number between NaNs": [Series(np.arange(3.0), numbers(NAN, 1, NAN), BLUE)],
    "huge": [Series(np.arange(200_000.0), noise(200_000), BLUE)],
    "tiny numbers": [Series(np.arange(50.0), np.linspace(1e-12, 2e-12, 50), BLUE)],
    "large numbers": [Series(np.arange(50.0), np.linspace(-1e12, 1e12, 50), BLUE)],
    "points": [Series(np.arange(5.0), np.arange(5.0), BLUE, "●"), Series(numbers(4), numbers(4), BLUE, "★")],
}
ROOMS = [(1, 1), (2, 9), (9, 2), (11, 3), (12, 4), (13, 5), (37, 9), (100, 30)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("columns", "rows"), ROOMS)
def test_a_plot_fits_its_room(shape: str, columns: int, rows: int) -> None:
    last = max((float(series.x[-1]) for series in SHAPES[shape] if series.x.size), default=0.0)
    lines = drawn(SHAPES[shape], columns, rows, max(2.0, last))
    assert len(lines) in (0, rows)
    assert max(map(len, lines), default=0) <= columns
    if columns >= 12 and rows >= 4:
        assert len(lines) == rows


def test_a_line_is_dots_and_points_are_their_marks() -> None:
    x = np.arange(100.0)
    shown = "\n".join(drawn([Series(x, x, BLUE), Series(numbers(50), numbers(50), BLUE, "★")], 60, 15))
    assert re.search("[⠁-⣿]", shown)
    assert shown.count("★") == 1


def test_a_lone_point_between_gaps_is_seen() -> None:
    shown = "\n".join(drawn([Series(np.arange(3.0), numbers(NAN, 1, NAN), BLUE)], 40, 10, 2.0))
    assert re.search("[⠁-⣿]", shown)


def test_the_canvas_stays_within_the_bounds_of_the_quantity() -> None:
    series = Series(np.arange(50.0), np.linspace(99.0, 100.0, 50), BLUE)
    lines = ESCAPE.sub("", draw([series], axes(50, (0, 100)), 60, 20)).splitlines()
    ticks = [float(found.group(1)) for line in lines if (found := re.match(r" *([\d.]+)┤", line))]
    assert max(ticks) == 100
    assert re.match(r" *100(\.0)?┤", lines[0])


def test_colours_are_the_series_own() -> None:
    assert "38;2;0;0;255" in draw([Series(np.arange(9.0), np.arange(9.0), BLUE)], axes(9), 40, 10)

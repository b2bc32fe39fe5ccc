import math
import re
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mnist_tui.render.plot import AXIS_ROWS, Axes, Plot, Series, decimate, draw, y_range
from mnist_tui.render.raster import Numbers
from mnist_tui.render.ticks import decimals, log_ticks, nice_ticks, tick_label

BRAILLE = re.compile("[⠁-⣿]")
BLUE = (0, 0, 255)
NAN = float("nan")


def numbers(*values: float) -> Numbers:
    return np.array(values, dtype=float)


def noise(count: int, seed: int = 3) -> Numbers:
    return np.random.default_rng(seed).normal(size=count)


def axes(last: float = 100.0, bounds: tuple[float, float] = (-math.inf, math.inf), log: bool = False) -> Axes:
    return Axes(
        format_x=lambda value, decimals: f"{value:,.{decimals}f}",
        format_y=lambda value, decimals: f"{value:,.{decimals}f}",
        ticks=(128, 128, 128),
        background=(0, 0, 0),
        x_limits=(0.0, last),
        y_bounds=bounds,
        log=log,
    )


def plain(plot: Plot | None) -> list[str]:
    return [line.plain for line in plot.lines] if plot is not None else []


def drawn(series: list[Series], columns: int, rows: int, last: float = 100.0) -> list[str]:
    return plain(draw(series, axes(last), columns, rows))


@pytest.mark.parametrize("count", [0, 1, 2, 39, 40, 41, 1_000, 99_999])
def test_every_column_keeps_its_minimum_and_maximum(count: int) -> None:
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


def test_values_that_are_not_finite_are_dropped() -> None:
    x, y = decimate(np.arange(6.0), numbers(NAN, 1, math.inf, 2, -math.inf, NAN), 10)
    assert x.tolist() == [1, 3]
    assert y.tolist() == [1, 2]
    assert decimate(np.arange(500.0), np.full(500, NAN), 10)[0].size == 0


def test_points_at_one_x_are_kept() -> None:
    assert decimate(np.full(100, 7.0), np.arange(100.0), 10)[1].size == 100


def test_the_y_range_leaves_out_the_outliers_of_a_line_but_no_points() -> None:
    y = np.concatenate([numbers(100.0), np.linspace(1, 2, 200)])
    x = np.arange(len(y), dtype=float)
    assert y_range([Series(x, y, BLUE)])[1] > 100
    low, high = y_range([Series(x, y, BLUE, outliers="high")])
    assert low < 1
    assert 1.9 < high < 3
    low, high = y_range([Series(x, -y, BLUE, outliers="low")])
    assert -3 < low < -1.9
    assert high > -1
    assert y_range([Series(x, y, BLUE, outliers="high"), Series(x[:1], numbers(50), BLUE, "★")])[1] > 50


@pytest.mark.parametrize("values", [(), (NAN, NAN), (math.inf,)])
def test_the_y_range_of_nothing(values: tuple[float, ...]) -> None:
    assert y_range([Series(np.arange(len(values), dtype=float), numbers(*values), BLUE)]) == (0.0, 1.0)


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 1e-9, 1e12])
def test_the_y_range_of_one_value_contains_it(value: float) -> None:
    low, high = y_range([Series(numbers(1, 2), numbers(value, value), BLUE)])
    assert low < value < high


@pytest.mark.parametrize("most", [1, 2, 5, 9])
@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0, 2_580), (0.5, 0.52), (-3, 7), (97.2, 99.9), (1e-9, 3e-9), (0, 1e9), (5, 5.0001)]
)
def test_ticks_are_round_evenly_spaced_and_inside(low: float, high: float, most: int) -> None:
    ticks = nice_ticks(low, high, most)
    assert 1 <= len(ticks) <= max(most, 1)
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in ticks) or ticks == [low]
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        np.testing.assert_allclose(np.diff(ticks), step, rtol=1e-6)
        mantissa = step / 10 ** math.floor(math.log10(step * (1 + 1e-9)))
        assert min(abs(mantissa - nice) for nice in (1, 2, 5)) < 1e-6
        assert len({f"{tick:.{decimals(ticks)}f}" for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (NAN, 1), (0, math.inf)])
def test_an_empty_range_has_one_tick(low: float, high: float) -> None:
    assert len(nice_ticks(low, high, 5)) == 1


def test_a_line_is_dots_and_points_are_markers() -> None:
    x = np.arange(100.0)
    shown = "\n".join(drawn([Series(x, x, BLUE), Series(numbers(50), numbers(50), BLUE, "★")], 60, 15))
    assert BRAILLE.search(shown)
    assert shown.count("★") == 1


def test_a_lone_point_between_gaps_is_visible() -> None:
    shown = "\n".join(drawn([Series(np.arange(3.0), numbers(NAN, 1, NAN), BLUE)], 40, 10, 2.0))
    assert BRAILLE.search(shown)


def test_the_y_axis_stays_within_its_bounds() -> None:
    series = Series(np.arange(50.0), np.linspace(99.0, 100.0, 50), BLUE)
    lines = plain(draw([series], axes(50, (0, 100)), 60, 20))
    ticks = [float(found.group(1)) for line in lines if (found := re.match(r" *([\d.]+)┤", line))]
    assert max(ticks) == 100
    assert re.match(r" *100(\.0)?┤", lines[0])


def test_cells_have_the_colour_of_the_last_series_there() -> None:
    x = np.arange(9.0)
    plot = draw([Series(x, x, BLUE), Series(x, x, (255, 0, 0)), Series(x, 8 - x, BLUE)], axes(9), 40, 10)
    assert plot is not None
    colours = {str(span.style).split()[0] for line in plot.lines for span in line.spans}
    assert {"#0000ff", "#ff0000"} <= colours


@pytest.mark.parametrize("y", [1.0, NAN])
def test_the_canvas_is_where_the_plot_says(y: float) -> None:
    plot = draw([Series(numbers(0, 100), numbers(y, y), BLUE, "●")], axes(100), 60, 10)
    assert plot is not None
    axis = plot.lines[-AXIS_ROWS].plain
    assert (axis.index("└") + 1, len(axis.rstrip()) - plot.left) == (plot.left, plot.columns)
    if not math.isnan(y):
        point = next(line for line in plain(plot) if "●" in line)
        assert (point.index("●"), point.rindex("●")) == (plot.left, plot.left + plot.columns - 1)


@pytest.mark.parametrize("most", [2, 4, 7])
@pytest.mark.parametrize(("low", "high"), [(0.001, 1), (0.03, 0.2), (1, 1.2), (1e-12, 1e9), (0.5, 5), (95, 99.9)])
def test_logarithmic_ticks_are_true_values_inside(low: float, high: float, most: int) -> None:
    ticks = log_ticks(low, high, most)
    assert 1 <= len(ticks) <= most
    assert all(low * 0.999 <= tick <= high * 1.001 for tick in ticks) or ticks == [low]
    if high / low >= 100 and most > 2:
        assert all(abs(math.log10(tick) - round(math.log10(tick))) < 1e-9 for tick in ticks)


def test_a_logarithmic_axis_spaces_powers_of_ten_evenly_and_leaves_out_other_numbers() -> None:
    x = np.arange(100.0)
    y = 10.0 ** np.linspace(-3, 1, 100)
    y[[5, 6]] = (0.0, -4.0)
    shown = plain(draw([Series(x, y, BLUE)], axes(100, log=True), 60, 23))
    rows = {float(found.group(1)): row for row, line in enumerate(shown) if (found := re.match(r" *([\d.]+)┤", line))}
    assert {0.001, 0.01, 0.1, 1.0, 10.0} <= set(rows)
    assert rows[0.001] - rows[0.01] == pytest.approx(rows[1.0] - rows[10.0], abs=1)
    assert draw([Series(x, -y, BLUE)], axes(100, log=True), 60, 23)


def tick_rows(lines: list[str]) -> dict[float, int]:
    """Return the row of each y tick, by its value."""
    found = ((re.match(r" *(-?[\d,.]+)┤", line), row) for row, line in enumerate(lines))
    return {float(match.group(1).replace(",", "")): row for match, row in found if match}


@settings(max_examples=300, deadline=None)
@example(values=[0.039], scale=1.0, rows=36, bounded=False)  # halfway between two rows
@given(
    values=st.lists(st.floats(-1e4, 1e4).map(lambda value: round(value, 3)), min_size=1, max_size=8),
    scale=st.sampled_from([1.0, 0.01]),
    rows=st.integers(5, 40),
    bounded=st.booleans(),
)
def test_ticks_are_equally_apart_and_points_in_the_row_of_the_nearest_value(
    values: list[float], scale: float, rows: int, bounded: bool
) -> None:
    bounds = (0.0, 100.0) if bounded else (-math.inf, math.inf)
    points = [min(100.0, abs(value)) if bounded else value * scale for value in values]
    x = np.linspace(0, 100, len(points))
    lines = plain(draw([Series(x, numbers(*points), BLUE, "●")], axes(bounds=bounds), 8 * len(points) + 40, rows))
    ticks = sorted(tick_rows(lines).items())
    assert len(ticks) >= 2
    rises = {float(f"{(higher - lower) / (row - upper):.9g}") for (lower, row), (higher, upper) in pairwise(ticks)}
    (unit,) = rises  # the same number of values in every row
    (first, first_row), heights = ticks[0], {row for row, line in enumerate(lines) if "●" in line}
    for point in points:
        exact = first_row - (point - first) / unit
        assert any(abs(exact - row) <= 0.5 + 1e-6 for row in heights)
    for row in heights:
        assert any(abs(first_row - (point - first) / unit - row) <= 0.5 + 1e-6 for point in points)


def test_a_line_has_a_gap_where_values_are_missing() -> None:
    x, y = np.arange(100.0), np.full(100, 5.0)
    y[40:60] = NAN
    line = next(line for line in drawn([Series(x, y, BLUE)], 62, 9) if BRAILLE.search(line))
    dots = [found.start() for found in BRAILLE.finditer(line)]
    assert max(np.diff(dots)) > 9


def test_a_lone_point_between_long_gaps_of_a_long_line_is_visible() -> None:
    x, y = np.arange(1_000.0), np.full(1_000, NAN)
    y[:300], y[500], y[700:] = 0.0, 9.0, 0.0
    top = "\n".join(drawn([Series(x, y, BLUE)], 60, 12, 1_000.0)[:5])
    assert len(BRAILLE.findall(top)) == 1


@pytest.mark.parametrize(
    ("value", "places", "label"),
    [
        (1_500, 0, "1,500"),
        (108_000, 0, "108k"),
        (1_000_500, 0, "1.0005M"),
        (-2e9, 0, "-2G"),
        (0.25, 2, "0.25"),
        (0, 1, "0.0"),
        (1e300, 0, "1e+300"),
        (1e-9, 9, "1e-09"),
    ],
)
def test_tick_label(value: float, places: int, label: str) -> None:
    assert tick_label(value, places) == label


ROOMS = st.one_of(
    st.sampled_from([(3, 2), (12, 4), (30, 8), (100, 30)]), st.tuples(st.integers(0, 40), st.integers(0, 10))
)
ANY = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, NAN, 1e300, -1e300, 1e-300, 5e-324, 1.7e308, -1.7e308]),
)
POINTS = st.one_of(
    st.lists(st.tuples(ANY, ANY), max_size=40),
    st.builds(lambda y, n: [(float(x), y) for x in range(n)], ANY, st.integers(0, 40)),
)
MARKERS = st.sampled_from([None, "●"])
OUTLIERS = st.sampled_from([None, "high", "low"])


@settings(max_examples=1_000, deadline=None)
@given(
    shapes=st.lists(st.tuples(POINTS, MARKERS, OUTLIERS), max_size=2),
    room=ROOMS,
    limits=st.one_of(st.just((0.0, 40.0)), st.tuples(ANY, ANY)),
    bounded=st.booleans(),
    log=st.booleans(),
)
def test_any_series_gives_a_plot_of_the_given_size(
    shapes: list[tuple[list[tuple[float, float]], str | None, Literal["high", "low"] | None]],
    room: tuple[int, int],
    limits: tuple[float, float],
    bounded: bool,
    log: bool,
) -> None:
    series = [
        Series(numbers(*(x for x, _ in points)), numbers(*(y for _, y in points)), BLUE, marker, outliers)
        for points, marker, outliers in shapes
    ]
    bounds = (0.0, 100.0) if bounded else (-math.inf, math.inf)
    around = Axes(tick_label, tick_label, (128, 128, 128), (0, 0, 0), limits, bounds, log)
    columns, rows = room
    lines = plain(draw(series, around, columns, rows))
    assert len(lines) in (0, rows)
    assert bool(lines) == (columns >= 12 and rows >= 4)
    assert max(map(len, lines), default=0) <= columns

"""A pyramid gives the same minimum, maximum and mean as the values themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_tui.runs.pyramid import MinMaxPyramid, Numbers
from mnist_tui.runs.steps import StepTable
from tests.kit import samples

VALUES = st.lists(st.one_of(st.floats(-1e3, 1e3), st.just(float("nan")), st.just(float("inf"))), max_size=400)


def built(values: Numbers) -> MinMaxPyramid:
    pyramid = MinMaxPyramid()
    pyramid.extend(values)
    return pyramid


@settings(max_examples=150, deadline=None)
@given(VALUES, st.integers(0, 400), st.integers(0, 400), st.integers(1, 60), st.lists(st.integers(0, 400), max_size=4))
def test_buckets_agree_with_the_values(numbers: list[float], one: int, other: int, most: int, stops: list[int]) -> None:
    values = np.array(numbers, dtype=float)
    pyramid = MinMaxPyramid()
    for stop in [*sorted(stops), len(values)]:
        pyramid.extend(values[:stop])
    first, last = min(one, other), max(one, other)
    made = pyramid.buckets(values, first, last, most)
    assert len(made.starts) <= most + 2
    assert int(made.sizes.sum()) == max(0, min(last, len(values)) - first)
    for start, size, low, high, mean, broken in zip(
        made.starts, made.sizes, made.low, made.high, made.mean, made.broken, strict=True
    ):
        inside = values[start : start + size]
        finite = inside[np.isfinite(inside)]
        assert broken == len(inside) - len(finite)
        if finite.size:
            assert (low, high) == (finite.min(), finite.max())
            assert mean == pytest.approx(finite.mean(), abs=1e-6)
        else:
            assert np.isnan([low, high, mean]).all()
    assert pyramid.broken(values) == int((~np.isfinite(values)).sum())


def test_a_window_of_a_million_values_has_a_few_hundred_buckets() -> None:
    values = np.zeros(1_000_000)
    values[654_321] = 9.0
    made = built(values).buckets(values, 1, 999_999, 240)
    assert 100 < len(made.starts) <= 242
    assert made.high.max() == 9.0


def test_a_rewound_step_table_truncates_its_pyramids() -> None:
    table = StepTable()
    table.extend([samples.step_ended(step, loss=float(step)) for step in range(1, 101)], 0.0)
    assert table.pyramid("loss").buckets(table.column("loss"), 0, 100, 2).high.max() == 100
    table.rewind(50)
    table.extend([samples.step_ended(step, loss=0.5) for step in range(51, 121)], 0.0)
    made = table.pyramid("loss").buckets(table.column("loss"), 0, 120, 2)
    assert made.high.max() == 50
    assert int(made.sizes.sum()) == 120

"""Arithmetic of the window, the cursor and the axis that all plots share."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_tui.ui.plots.view import (
    MIN_WINDOW,
    Extent,
    PlotView,
    axis_end,
    move_cursor,
    pan,
    set_cursor,
    smoothing_weight,
    visible_window,
    zoom,
)

RUN = Extent(1_200, 2_580)


@pytest.mark.parametrize(("last", "length"), [(150, 100), (1_200, 120), (50_000, 5_000)])
def test_the_recent_window_is_the_last_tenth_and_at_least_a_hundred_steps(last: int, length: int) -> None:
    first, end = visible_window(PlotView(recent=True), Extent(last, 0))
    assert last <= end <= last + length / 2
    assert length <= end - first <= length * 1.3


def test_the_recent_window_moves_seldom() -> None:
    recent = PlotView(recent=True)
    assert len({visible_window(recent, Extent(last, 0)) for last in range(10_001, 10_101)}) <= 2


def test_zooming_keeps_the_position_of_the_step_under_the_pointer() -> None:
    whole = visible_window(PlotView(), RUN)
    closer = zoom(PlotView(), RUN, 2, 300)
    assert closer.window is not None
    first, last = closer.window
    assert last - first == pytest.approx((whole[1] - whole[0]) / 2)
    assert (300 - first) / (last - first) == pytest.approx((300 - whole[0]) / (whole[1] - whole[0]))


def test_zooming_out_ends_with_the_whole_run() -> None:
    view = zoom(zoom(PlotView(recent=True), RUN, 2), RUN, 2)
    assert view.window is not None
    for _ in range(12):
        view = zoom(view, RUN, 0.5)
    assert view == PlotView()


@pytest.mark.parametrize(("cursor", "step"), [(200, 200), (None, RUN.last)])
def test_zoom_is_around_the_cursor_by_default_or_the_newest_step(cursor: int | None, step: int) -> None:
    view = PlotView(cursor=cursor)
    for _ in range(5):
        view = zoom(view, RUN, 2)
    assert view.window is not None
    assert view.window[0] <= step <= view.window[1]


def test_panning_ends_at_the_edges_of_the_run() -> None:
    assert pan(PlotView(), RUN, 100) == PlotView()
    view = PlotView(window=(100.0, 200.0))
    assert pan(view, RUN, 50).window == (150.0, 250.0)
    assert pan(view, RUN, -1e9).window == (0.0, 100.0)
    last = visible_window(PlotView(), RUN)[1]
    assert pan(view, RUN, 1e9).window == (last - 100, last)


def test_the_cursor_starts_at_the_newest_step_stays_on_the_run_and_moves_the_window() -> None:
    view = move_cursor(PlotView(), RUN, -1)
    assert view.cursor == RUN.last
    view = move_cursor(replace(view, window=(100.0, 160.0), cursor=101), RUN, -1)
    assert (view.cursor, view.window) == (100, (100.0, 160.0))
    view = move_cursor(view, RUN, -1)
    assert (view.cursor, view.window) == (99, (99.0, 159.0))
    assert move_cursor(PlotView(cursor=1), RUN, -1).cursor == 1
    assert move_cursor(PlotView(cursor=RUN.last), RUN, 1).cursor == RUN.last


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2_000_000),
    st.integers(0, 3_000_000),
    st.lists(st.tuples(st.integers(0, 3), st.floats(-1e7, 1e7)), max_size=12),
)
def test_the_window_stays_within_the_run_and_the_cursor_on_a_step(
    last: int, planned: int, commands: list[tuple[int, float]]
) -> None:
    run, view = Extent(last, planned), PlotView()
    whole = visible_window(view, run)
    for kind, number in commands:
        if kind == 0:
            view = zoom(view, run, 1.5 if number > 0 else 0.5, abs(number))
        elif kind == 1:
            view = pan(view, run, number)
        elif kind == 2:
            view = set_cursor(view, run, number)
        else:
            view = move_cursor(view, run, 1 if number > 0 else -1)
        first, end = visible_window(view, run)
        assert whole[0] - 1e-6 <= first < end <= whole[1] + 1e-6
        assert end - first >= min(MIN_WINDOW, whole[1] - whole[0]) * (1 - 1e-9)
        assert view.cursor is None or 1 <= view.cursor <= max(1, last)


def test_stronger_smoothing_averages_more_steps() -> None:
    assert smoothing_weight("off", 10_000) == 0
    assert 0 < smoothing_weight("light", 10_000) < smoothing_weight("strong", 10_000) < 1
    assert smoothing_weight("strong", 1) == 0


@pytest.mark.parametrize("last", [0, 1, 19, 20, 999, 1_000_000])
def test_the_axis_ends_at_or_after_the_newest_step(last: int) -> None:
    assert axis_end(last, 0) >= max(20, last)


def test_the_axis_ends_at_the_planned_end_if_it_is_near() -> None:
    assert axis_end(900, 1_000) == 1_000

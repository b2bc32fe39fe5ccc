"""The window, the cursor and the axis of all plots: arithmetic alone."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_tui.ui.plots.view import (
    NARROWEST,
    Extent,
    PlotView,
    moved,
    panned,
    pointed,
    reset,
    shown,
    smoothing_weight,
    stage,
    zoomed,
)

RUN = Extent(1_200, 2_580)


def test_the_recent_window_is_the_last_tenth_and_at_least_a_hundred_steps() -> None:
    recent = PlotView(recent=True)
    for last, length in ((150, 100), (1_200, 120), (50_000, 5_000)):
        first, end = shown(recent, Extent(last, 0))
        assert last <= end <= last + length / 2
        assert length <= end - first <= length * 1.3


def test_the_recent_window_stands_still_between_its_steps() -> None:
    recent = PlotView(recent=True)
    windows = {shown(recent, Extent(last, 0)) for last in range(10_001, 10_101)}
    assert len(windows) <= 2


def test_zooming_keeps_the_step_under_the_pointer_where_it_is() -> None:
    whole = shown(PlotView(), RUN)
    closer = zoomed(PlotView(), RUN, 2, 300)
    assert closer.window is not None
    first, last = closer.window
    assert last - first == pytest.approx((whole[1] - whole[0]) / 2)
    assert (300 - first) / (last - first) == pytest.approx((300 - whole[0]) / (whole[1] - whole[0]))


def test_zooming_out_ends_with_the_whole_run() -> None:
    closer = zoomed(zoomed(PlotView(recent=True), RUN, 2), RUN, 2)
    assert closer.window is not None
    for _ in range(12):
        closer = zoomed(closer, RUN, 0.5)
    assert closer == PlotView()


def test_without_a_pointer_the_cursor_is_zoomed_at_else_the_newest_step() -> None:
    view = PlotView(cursor=200)
    for _ in range(5):
        view = zoomed(view, RUN, 2)
    assert view.window is not None
    assert view.window[0] <= 200 <= view.window[1]
    newest = zoomed(zoomed(PlotView(), RUN, 2), RUN, 2)
    assert newest.window is not None
    assert newest.window[0] <= RUN.last <= newest.window[1]


def test_the_whole_run_cannot_be_panned_and_a_window_not_beyond_it() -> None:
    assert panned(PlotView(), RUN, 100) == PlotView()
    view = PlotView(window=(100.0, 200.0))
    assert panned(view, RUN, 50).window == (150.0, 250.0)
    assert panned(view, RUN, -1e9).window == (0.0, 100.0)
    last = shown(PlotView(), RUN)[1]
    assert panned(view, RUN, 1e9).window == (last - 100, last)


def test_the_cursor_begins_at_the_newest_step_goes_a_step_at_a_time_when_close_and_takes_the_window_along() -> None:
    view = moved(PlotView(), RUN, -1)
    assert view.cursor == RUN.last
    view = moved(replace(view, window=(100.0, 160.0), cursor=101), RUN, -1)
    assert (view.cursor, view.window) == (100, (100.0, 160.0))
    view = moved(view, RUN, -1)
    assert (view.cursor, view.window) == (99, (99.0, 159.0))
    assert moved(PlotView(cursor=1), RUN, -1).cursor == 1
    assert moved(PlotView(cursor=RUN.last), RUN, 1).cursor == RUN.last


def test_reset_brings_everything_back_but_the_plot_that_is_alone() -> None:
    assert reset(PlotView("time", True, True, (1.0, 2.0), 5, "off", "loss")) == PlotView(maximised="loss")


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2_000_000),
    st.integers(0, 3_000_000),
    st.lists(st.tuples(st.integers(0, 3), st.floats(-1e7, 1e7)), max_size=12),
)
def test_whatever_is_pressed_the_window_stays_within_the_run_and_the_cursor_on_a_step(
    last: int, planned: int, presses: list[tuple[int, float]]
) -> None:
    run, view = Extent(last, planned), PlotView()
    whole = shown(view, run)
    for kind, number in presses:
        if kind == 0:
            view = zoomed(view, run, 1.5 if number > 0 else 0.5, abs(number))
        elif kind == 1:
            view = panned(view, run, number)
        elif kind == 2:
            view = pointed(view, run, number)
        else:
            view = moved(view, run, 1 if number > 0 else -1)
        first, end = shown(view, run)
        assert whole[0] - 1e-6 <= first < end <= whole[1] + 1e-6
        assert end - first >= min(NARROWEST, whole[1] - whole[0]) * (1 - 1e-9)
        assert view.cursor is None or 1 <= view.cursor <= max(1, last)


def test_smoothing_averages_over_more_steps_the_stronger_it_is() -> None:
    assert smoothing_weight("off", 10_000) == 0
    assert 0 < smoothing_weight("light", 10_000) < smoothing_weight("strong", 10_000) < 1
    assert smoothing_weight("strong", 1) == 0


@pytest.mark.parametrize("last", [0, 1, 19, 20, 999, 1_000_000])
def test_the_axis_ends_at_or_after_the_newest_step(last: int) -> None:
    assert stage(last, 0) >= max(20, last)
    assert stage(900, 1_000) == 1_000

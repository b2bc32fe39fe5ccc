"""Layers as lines: every column in its place at any width, and nothing said that was not measured."""

import pytest

from mnist_tui.events import Layer, LayerStat, LayerStats
from mnist_tui.ui.training.layer_table import (
    BY_NEED,
    EXACT,
    MOST_SAMPLES,
    Colours,
    detail,
    heading,
    norm,
    plan,
    row,
    series_by_layer,
    small_share,
    thinned,
)

COLOURS = Colours("blue", "grey50", "red")
CONV = Layer("conv3", "Conv2D", "3×3 ReLU", (11, 11, 48), 20_736, 2_509_056)
WHY = "Sees 12×12 pixels, most of a loop."
SERIES = [LayerStat("conv3", 12.9 + each, 0.0042, 0.4213 * each, 0.08) for each in range(1, 7)]


@pytest.mark.parametrize("width", [*range(0, 150, 7), 55, 75, 127])
@pytest.mark.parametrize("sampled", [False, True])
def test_a_layer_is_one_line_under_its_heading(width: int, sampled: bool) -> None:
    layout = plan(width, sampled=sampled)
    line = row(CONV, 4_789_152, layout, COLOURS, series=SERIES if sampled else (), why=WHY)
    assert line.plain == line.plain.splitlines()[0] if width else line.plain == ""
    assert line.cell_len <= width
    assert len(heading(layout)) <= width
    for quantity in layout.numbers:
        end = heading(layout).index(quantity.heading) + len(quantity.heading)
        assert line.plain[:end].endswith(quantity.words(quantity.of(SERIES[-1])))


def test_what_has_room() -> None:
    assert [one.heading for one in plan(55, sampled=True).numbers] == ["‖∇‖", "dead"]
    assert len(plan(75, sampled=True).numbers) == len(BY_NEED)
    assert len(plan(127, sampled=True).sparks) == len(BY_NEED)
    assert plan(127, sampled=True).why == 0
    assert plan(127, sampled=False).why > len(WHY)
    assert plan(55, sampled=False).numbers == ()


def test_the_architecture_alone() -> None:
    line = row(CONV, 4_789_152, plan(90, sampled=False), COLOURS, why=WHY)
    assert line.plain.startswith("Conv2D 3×3 ReLU  11×11×48  20,736 ██▋   52%")
    assert line.plain.index("Sees") == heading(plan(90, sampled=False)).index("why")


def test_a_layer_without_weights_or_cost_has_a_dash_and_no_bar() -> None:
    relu = row(Layer("relu1", "ReLU", "", (26, 26, 24), 0, 0), 100, plan(60, sampled=False), COLOURS)
    assert relu.plain.split() == ["ReLU", "26×26×24", "–"]
    tiny = row(Layer("dense", "Dense", "", (10,), 10, 1), 1_000_000, plan(60, sampled=False), COLOURS)
    assert tiny.plain.split()[-1] == "<1%"


def test_a_layer_that_was_not_sampled_shows_no_numbers() -> None:
    layout = plan(75, sampled=True)
    line = row(Layer("pool", "MaxPooling2D", "2×2", (5, 5, 48), 0, 0), 100, layout, COLOURS, series=())
    assert line.plain.split() == ["MaxPool", "2×2", "5×5×48", "–"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0.000"), (0.0001, "<.001"), (0.0423, "0.042"), (12.914, "12.91"), (310.44, "310.4"), (5_291, "5,291"),
     (52_910, "5e+04"), (9.99951, "10.00"), (float("inf"), "NaN")],
)  # fmt: skip
def test_a_norm_has_five_cells(value: float, words: str) -> None:
    assert norm(value) == words
    assert len(words) <= 5


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0.00%"), (0.00001, "<.01%"), (0.0023, "0.23%"), (0.125, "12.5%"), (2.5, "250%")]
)
def test_a_relative_step_has_five_cells(value: float, words: str) -> None:
    assert small_share(value) == words


def test_the_chosen_layer_has_the_sparklines_that_its_row_has_no_room_for() -> None:
    words = detail(plan(55, sampled=True), SERIES, 56)
    assert words.startswith("‖w‖ 18.90 ")
    assert "‖∇‖ ▁" in words
    assert "dead ▁▁▁" in words.replace("dead  ", "dead ")
    assert len(words) <= 56
    assert detail(plan(127, sampled=True), SERIES, 120) == ""
    assert detail(plan(55, sampled=True), SERIES[:1], 56) == ""
    assert detail(plan(55, sampled=True), SERIES, 12) == ""


def test_a_long_run_is_thinned_but_its_newest_samples_stay() -> None:
    samples = [LayerStats(time=0, step=step, gradient_norm=1, layers=()) for step in range(10_000)]
    kept = [sample.step for sample in thinned(samples)]
    assert len(kept) <= MOST_SAMPLES + EXACT
    assert kept[0] == 0
    assert kept[-EXACT:] == [*range(10_000 - EXACT, 10_000)]
    assert [sample.step for sample in thinned(samples[:3])] == [0, 1, 2]


def test_series_are_those_of_each_layer() -> None:
    samples = [
        LayerStats(time=0, step=step, gradient_norm=1, layers=(LayerStat("a", step), LayerStat("b"))) for step in (1, 2)
    ]
    assert series_by_layer(samples)["a"] == [LayerStat("a", 1), LayerStat("a", 2)]

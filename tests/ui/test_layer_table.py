import pytest

from mnist_tui.events import Layer, LayerStat, LayerStats
from mnist_tui.ui.training.layer_table import (
    BY_PRIORITY,
    MAX_OLD_SAMPLES,
    NEW_SAMPLES,
    format_norm,
    format_small_share,
    heading,
    layer_row,
    plan_columns,
    samples_by_layer,
    sparkline_details,
    thin_samples,
)

THEME = {"primary": "blue", "quiet": "grey50", "error": "red"}
CONV = Layer("conv3", "Conv2D", "3×3 ReLU", (11, 11, 48), 20_736, 2_509_056)
REASON = "Sees 12×12 pixels, most of a loop."
SAMPLES = [LayerStat("conv3", 12.9 + each, 0.0042, 0.4213 * each, 0.08) for each in range(1, 7)]


@pytest.mark.parametrize("width", [*range(0, 150, 7), 55, 75, 127])
@pytest.mark.parametrize("sampled", [False, True])
def test_a_layer_is_one_line_under_its_heading(width: int, sampled: bool) -> None:
    layout = plan_columns(width, sampled=sampled)
    line = layer_row(CONV, 4_789_152, layout, THEME, samples=SAMPLES if sampled else (), reason=REASON)
    assert line.plain == line.plain.splitlines()[0] if width else line.plain == ""
    assert line.cell_len <= width
    assert len(heading(layout)) <= width
    for quantity in layout.values:
        end = heading(layout).index(quantity.heading) + len(quantity.heading)
        assert line.plain[:end].endswith(quantity.text(SAMPLES[-1]))


def test_columns_are_chosen_by_priority() -> None:
    assert [one.heading for one in plan_columns(55, sampled=True).values] == ["‖∇‖", "dead"]
    assert len(plan_columns(75, sampled=True).values) == len(BY_PRIORITY)
    assert len(plan_columns(127, sampled=True).sparklines) == len(BY_PRIORITY)
    assert plan_columns(127, sampled=True).reason_width == 0
    assert plan_columns(127, sampled=False).reason_width > len(REASON)
    assert plan_columns(55, sampled=False).values == ()


def test_a_row_without_samples() -> None:
    line = layer_row(CONV, 4_789_152, plan_columns(90, sampled=False), THEME, reason=REASON)
    assert line.plain.startswith("Conv2D 3×3 ReLU  11×11×48  20,736 ██▋   52%")
    assert line.plain.index("Sees") == heading(plan_columns(90, sampled=False)).index("why")


def test_a_layer_without_weights_or_cost_has_a_dash_and_no_bar() -> None:
    relu = layer_row(Layer("relu1", "ReLU", "", (26, 26, 24), 0, 0), 100, plan_columns(60, sampled=False), THEME)
    assert relu.plain.split() == ["ReLU", "26×26×24", "–"]
    tiny = layer_row(Layer("dense", "Dense", "", (10,), 10, 1), 1_000_000, plan_columns(60, sampled=False), THEME)
    assert tiny.plain.split()[-1] == "<1%"


def test_a_layer_without_samples_has_no_values() -> None:
    layout = plan_columns(75, sampled=True)
    line = layer_row(Layer("pool", "MaxPooling2D", "2×2", (5, 5, 48), 0, 0), 100, layout, THEME, samples=())
    assert line.plain.split() == ["MaxPool", "2×2", "5×5×48", "–"]


@pytest.mark.parametrize(
    ("value", "formatted"),
    [(0, "0.000"), (0.0001, "<.001"), (0.0423, "0.042"), (12.914, "12.91"), (310.44, "310.4"), (5_291, "5,291"),
     (52_910, "52.9k"), (9_999.9, "10k"), (999_600, "1M"), (2e20, "2e20"), (9.99951, "10.00"), (float("inf"), "NaN")],
)  # fmt: skip
def test_a_norm_has_five_cells(value: float, formatted: str) -> None:
    assert format_norm(value) == formatted
    assert len(formatted) <= 5


@pytest.mark.parametrize(
    ("value", "formatted"), [(0, "0.00%"), (0.00001, "<.01%"), (0.0023, "0.23%"), (0.125, "12.5%"), (2.5, "250%")]
)
def test_a_relative_step_has_five_cells(value: float, formatted: str) -> None:
    assert format_small_share(value) == formatted


def test_sparkline_details_are_those_that_the_row_lacks() -> None:
    details = sparkline_details(plan_columns(55, sampled=True), SAMPLES, 56)
    assert details.startswith("‖w‖ 18.90 ")
    assert "‖∇‖ ▁" in details
    assert "dead ▁▁▁" in details.replace("dead  ", "dead ")
    assert len(details) <= 56
    assert sparkline_details(plan_columns(127, sampled=True), SAMPLES, 120) == ""
    assert sparkline_details(plan_columns(55, sampled=True), SAMPLES[:1], 56) == ""
    assert sparkline_details(plan_columns(55, sampled=True), SAMPLES, 12) == ""


def test_samples_of_a_long_run_are_thinned_except_the_newest() -> None:
    samples = [LayerStats(time=0, step=step, gradient_norm=1, layers=()) for step in range(10_000)]
    kept = [sample.step for sample in thin_samples(samples)]
    assert len(kept) <= MAX_OLD_SAMPLES + NEW_SAMPLES
    assert kept[0] == 0
    assert kept[-NEW_SAMPLES:] == [*range(10_000 - NEW_SAMPLES, 10_000)]
    assert [sample.step for sample in thin_samples(samples[:3])] == [0, 1, 2]


def test_samples_are_grouped_by_layer() -> None:
    samples = [
        LayerStats(time=0, step=step, gradient_norm=1, layers=(LayerStat("a", step), LayerStat("b"))) for step in (1, 2)
    ]
    assert samples_by_layer(samples)["a"] == [LayerStat("a", 1), LayerStat("a", 2)]

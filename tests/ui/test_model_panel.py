"""The model panel: layers, their statistics and warnings."""

import re

import pytest
from textual.widgets import OptionList

from mnist_tui.events import Layer, LayerStat, LayerStats, RunStarted
from mnist_tui.ui.training.model_panel import ModelPanel
from tests.kit import samples
from tests.ui.program import settled, text
from tests.ui.stage import Stage, drawn

LAYERS = (
    Layer("conv1", "Conv2D", "3×3", (26, 26, 24), 216, 146_016),
    Layer("norm1", "BatchNormalization", "", (26, 26, 24), 96, 0),
    Layer("relu1", "ReLU", "", (26, 26, 24), 0, 0),
    Layer("probabilities", "Dense", "softmax", (10,), 7_850, 7_840),
)


def started() -> RunStarted:
    return samples.run_started(layers=LAYERS)


def sample(step: int, dead: float = 0.04, gradient: float | None = 0.42) -> LayerStats:
    return LayerStats(
        time=float(step),
        step=step,
        gradient_norm=gradient,
        layers=(
            LayerStat("conv1", 1.5 + step / 100, 0.0023, gradient),
            LayerStat("norm1", 4.9, 0.0004, 0.03),
            LayerStat("relu1", dead_share=dead),
            LayerStat("probabilities", 6.4, 0.004, 0.07),
        ),
    )


async def screen(width: int, *stats: LayerStats) -> str:
    panel = ModelPanel()
    return "\n".join(await drawn(panel, (width, 16), lambda: panel.show(started(), "fast", list(stats))))


def line_of(shown: str, part: str) -> str:
    return next(line for line in shown.splitlines() if part in line)


@pytest.mark.parametrize(("width", "headings"), [(60, 2), (80, 4), (132, 4)])
async def test_layers_have_values_from_the_first_sample(width: int, headings: int) -> None:
    assert "‖∇‖" not in await screen(width)
    first = await screen(width, sample(1))
    assert sum(name in first for name in ("‖w‖", "Δw/w", "‖∇‖", "dead")) == headings
    assert "0.420" in line_of(first, "Conv2D")
    assert "4%" in line_of(first, "ReLU")
    assert ("0.23%" in line_of(first, "Conv2D")) == (headings == 4)
    second = await screen(width, sample(1), sample(2, dead=0.5, gradient=1.25))
    assert "1.250" in line_of(second, "Conv2D")
    assert "50%" in line_of(second, "ReLU")


@pytest.mark.parametrize(("width", "beside"), [(132, True), (60, False)])
async def test_sparklines_are_in_wide_rows_and_below_narrow_ones(width: int, beside: bool) -> None:
    shown = await screen(width, *(sample(step, gradient=step / 10) for step in range(1, 9)))
    assert ("▁▂▃▄▅▆▇█" in line_of(shown, "Conv2D")) is beside
    assert ("‖∇‖ ▁" in shown) is not beside


async def test_a_new_sample_keeps_the_highlighted_layer() -> None:
    panel = ModelPanel()
    app = Stage(panel)
    async with app.run_test(size=(80, 16)) as pilot:
        panel.show(started(), "fast", [sample(1)])
        layers = panel.query_one(OptionList)
        layers.focus()
        await pilot.press("down", "down")
        for step in range(2, 6):
            panel.show(started(), "fast", [sample(each) for each in range(1, step + 1)])
            await settled(pilot)
            assert layers.highlighted == 2
            assert f"{1.5 + step / 100:.3f}" in text(app)


async def test_a_dead_layer_has_a_warning_until_it_recovers() -> None:
    dying = [sample(step, dead=0.96) for step in range(1, 4)]
    assert "! relu1" not in await screen(80, *dying[:2])
    assert re.search("! relu1 .*96%", await screen(80, *dying))
    assert "! relu1" not in await screen(80, *dying, sample(4))


async def test_the_first_warning_is_shown_and_the_others_are_counted() -> None:
    shown = await screen(90, sample(1, 0.95), sample(2, 0.95), sample(3, 0.95, gradient=None))
    assert re.search(r"! conv1 \(and 1 more\) .*step 3", shown)


@pytest.mark.parametrize(
    ("width", "size"),
    [
        (57, "8,162 parameters · 0.2 M multiply-adds/image"),
        (52, "8,162 parameters · 0.2 M multiply-adds"),
        (40, "8,162 parameters"),
    ],
)
async def test_the_size_in_the_title_is_shortened_to_fit(width: int, size: str) -> None:
    assert f"─ Model  {size} ─" in await screen(width)

"""The model panel: layers, their statistics and warnings."""

import re

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from mnist_tui.events import Layer, LayerStat, LayerStats, RunStarted
from mnist_tui.ui.training.model_panel import ModelPanel
from tests.kit import samples
from tests.ui.program import lines, settled, text
from tests.ui.stage import Stage

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


def line_of(app: Stage, words: str) -> str:
    return next(line for line in lines(app) if words in line)


async def shown(pilot: Pilot[int], panel: ModelPanel, *stats: LayerStats) -> None:
    panel.show(started(), "fast", list(stats))
    await settled(pilot)


@pytest.mark.parametrize(("width", "headings"), [(60, 2), (80, 4), (132, 4)])
async def test_layers_have_values_from_the_first_sample(width: int, headings: int) -> None:
    panel = ModelPanel()
    app = Stage(panel)
    async with app.run_test(size=(width, 16)) as pilot:
        await shown(pilot, panel)
        assert "‖∇‖" not in text(app)
        await shown(pilot, panel, sample(1))
        assert sum(name in text(app) for name in ("‖w‖", "Δw/w", "‖∇‖", "dead")) == headings
        assert "0.420" in line_of(app, "Conv2D")
        assert "4%" in line_of(app, "ReLU")
        assert ("0.23%" in line_of(app, "Conv2D")) == (headings == 4)
        await shown(pilot, panel, sample(1), sample(2, dead=0.5, gradient=1.25))
        assert "1.250" in line_of(app, "Conv2D")
        assert "50%" in line_of(app, "ReLU")


async def test_sparklines_are_in_wide_rows_and_below_narrow_ones() -> None:
    samples_ = [sample(step, gradient=step / 10) for step in range(1, 9)]
    for width, beside in ((132, True), (60, False)):
        panel = ModelPanel()
        app = Stage(panel)
        async with app.run_test(size=(width, 16)) as pilot:
            await shown(pilot, panel, *samples_)
            assert ("▁▂▃▄▅▆▇█" in line_of(app, "Conv2D")) is beside
            assert ("‖∇‖ ▁" in text(app)) is not beside


async def test_a_new_sample_keeps_the_highlighted_layer() -> None:
    panel = ModelPanel()
    app = Stage(panel)
    async with app.run_test(size=(80, 16)) as pilot:
        await shown(pilot, panel, sample(1))
        layers = panel.query_one(OptionList)
        layers.focus()
        await pilot.press("down", "down")
        for step in range(2, 6):
            await shown(pilot, panel, *(sample(each) for each in range(1, step + 1)))
            assert layers.highlighted == 2
            assert "dead" in text(app)


async def test_a_dead_layer_has_a_warning_until_it_recovers() -> None:
    panel = ModelPanel()
    app = Stage(panel)
    async with app.run_test(size=(80, 16)) as pilot:
        dying = [sample(step, dead=0.96) for step in range(1, 4)]
        await shown(pilot, panel, *dying[:2])
        assert "! relu1" not in text(app)
        await shown(pilot, panel, *dying)
        assert re.search("! relu1 .*96%", text(app))
        await shown(pilot, panel, *dying, sample(4))
        assert "! relu1" not in text(app)


async def test_the_first_warning_is_shown_and_the_others_are_counted() -> None:
    panel = ModelPanel()
    app = Stage(panel)
    async with app.run_test(size=(90, 16)) as pilot:
        await shown(pilot, panel, sample(1, 0.95), sample(2, 0.95), sample(3, 0.95, gradient=None))
        assert re.search(r"! conv1 \(and 1 more\) .*step 3", text(app))


@pytest.mark.parametrize(
    ("width", "size"),
    [
        (57, "8,162 parameters · 0.2 M multiply-adds/image"),
        (52, "8,162 parameters · 0.2 M multiply-adds"),
        (40, "8,162 parameters"),
    ],
)
async def test_the_size_in_the_title_is_shortened_to_fit(width: int, size: str) -> None:
    panel = ModelPanel()
    app = Stage(panel)
    async with app.run_test(size=(width, 16)) as pilot:
        await shown(pilot, panel)
        assert f"─ Model  {size} ─" in lines(app)[0]
        await pilot.resize_terminal(60, 16)
        await settled(pilot)
        assert "/image ─" in lines(app)[0]

"""Histograms over time: the layers, the map, the ratio, and runs without them."""

import pytest

from mnist_tui.events import Histogram, LayerHistogram, LayerHistograms, LayerStat, LayerStats
from mnist_tui.ui.layers.history import HeatMap, HistoryScreen, HistoryView, RatioPlot, ratio_words, update_ratios
from tests.kit.recording import recorded_run
from tests.ui.host import Host, settled


def sampled(app: Host) -> None:
    """Give the run histograms of two layers, of which the second one has no weights."""
    history = app.session.view.history
    for step in (100, 400, 800):
        levels = Histogram(-3, 1, bytes([0] * 16 + [step // 4] + [0] * 16))
        layers = (LayerHistogram("conv", levels, levels, levels), LayerHistogram("relu", activations=levels))
        history.apply(LayerHistograms(time=1.0, step=step, layers=layers))
        stats = (LayerStat("conv", 1.0, 10.0**-1.8 * step / 800), LayerStat("relu"))
        history.apply(LayerStats(time=1.0, step=step, gradient_norm=1.0, layers=stats))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20)])
async def test_each_layer_shows_what_it_has_and_its_ratio(size: tuple[int, int]) -> None:
    app = Host(recorded_run(), HistoryScreen)
    sampled(app)
    async with app.shown(size) as pilot:
        await settled(pilot)
        assert "Weights of conv" in app.text()
        assert "0 " in app.text()
        assert "rule of thumb" in app.text()
        assert {len(line) for line in app.lines()} == {size[0]}
        app.front.query_one(HistoryView).go_to_layer(1)
        await settled(pilot)
        assert "relu has no weights." in app.text()
        assert app.front.query_one(RatioPlot).ratios == []
        await pilot.press("tab", "tab")
        await settled(pilot)
        assert "Activations of relu" in app.text()
        assert [step for step, _ in app.front.query_one(HeatMap).samples] == [100, 400, 800]


async def test_a_run_without_histograms_says_so() -> None:
    app = Host(recorded_run(), HistoryScreen)
    app.session.view.history.layer_histograms.clear()
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        assert "This run has no histograms" in app.text()
        await pilot.press("down", "tab")


def test_ratios_are_logarithms_and_updates_of_nothing_are_left_out() -> None:
    app = Host(recorded_run(), HistoryScreen)
    history = app.session.view.history
    history.layer_stats.clear()
    for step, ratio in ((1, 0.01), (2, 0.0), (3, None)):
        history.apply(LayerStats(time=1.0, step=step, gradient_norm=1.0, layers=(LayerStat("conv", 1.0, ratio),)))
    steps, ratios = update_ratios(history, "conv")
    assert steps == [1]
    assert ratios == pytest.approx([-2.0])


@pytest.mark.parametrize(("ratio", "verdict"), [(-1.8, "too high"), (-3.4, "close"), (-4.5, "too low")])
def test_a_ratio_is_compared_with_the_rule_of_thumb(ratio: float, verdict: str) -> None:
    assert verdict in ratio_words(ratio)

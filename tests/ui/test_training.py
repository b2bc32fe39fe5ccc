"""The training screen from start-up to the end of a run, and at every size."""

import re

import pytest
from textual.events import Resize
from textual.pilot import Pilot
from textual.widgets import OptionList

from mnist_tui.event_lines import decode
from mnist_tui.events import Phase, PhaseChanged, RunFailed, RunStarted
from mnist_tui.explanations import layer_explanation, layer_explanations
from mnist_tui.render.text import shape
from mnist_tui.ui.plots.panel import PlotPanel
from mnist_tui.ui.training.layer_table import SHORT_KINDS
from mnist_tui.ui.training.model_panel import ModelPanel
from mnist_tui.ui.training.screen import TrainingScreen
from mnist_tui.ui.training.start_up_panel import StartUpPanel
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import RECORDING, Clock, Replay, finishing_time, record, recorded_run
from tests.ui.conftest import Golden
from tests.ui.host import SIZES
from tests.ui.program import lines, program, settled, text, wait_for, wait_until

SIZE = (120, 40)
BRAILLE = re.compile("[⠁-⣿]")


def started() -> RunStarted:
    with RECORDING.events_path.open("rb") as events:
        return next(event for event in map(decode, events) if isinstance(event, RunStarted))


def header(pilot: Pilot[int]) -> str:
    return lines(pilot.app)[0]


async def test_a_run_from_start_up_to_the_curves() -> None:
    replay = Replay()
    replay.to_phase(Phase.IMPORTING)
    replay.clock.now += 3
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            assert re.search(r"▸ importing Keras +3 s", text(app))
            assert "loading the data" in text(app)
            assert "◌ importing Keras  00:03" in header(pilot)
            replay.clock.now += 2
            await wait_until(pilot, lambda: bool(re.search(r"▸ importing Keras +5 s", text(app))), "5 s")
            replay.to_phase(Phase.COMPILING)
            await wait_until(pilot, lambda: "▸ compiling the first step" in text(app), "the next phase")
            assert re.search(r"✔ importing Keras +\d+\.\d s", text(app))
            assert f"{sum(layer.parameters for layer in started().layers):,} parameters" in text(app)
            assert not app.screen.query_one("#loss").display or not BRAILLE.search(text(app))
            replay.to_step(60)
            await wait_until(pilot, lambda: bool(BRAILLE.search(text(app))), "curves")
            assert not app.screen.query_one(StartUpPanel).display
            assert re.search(r"▶ training  \d\d:\d\d left", header(pilot))
            assert "step 60 of 2,580" in text(app)
            assert "● val" not in text(app)
            await pilot.press("left")  # the plots have the focus as soon as there are any
            await settled(pilot)
            assert " step 60 · epoch 0.07 · after 00:" in text(app)
            await pilot.press("escape")
            replay.to_step(900)
            await wait_for(pilot, "best validation accuracy 98.84 %, epoch 1")
            assert "● val" in text(app)
            assert "★ best epoch 1" in text(app)
            assert "9→7 ×7" in text(app)


async def test_a_finished_run_stays_on_the_screen() -> None:
    replay = Replay()
    replay.to_step(2_500)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            assert app.screen.check_action("steer", ("stop",))
            replay.to_phase(Phase.VALIDATING)
            await wait_until(pilot, lambda: "▶ validating" in header(pilot), "the phase in the header")
            replay.to_the_end()
            await wait_until(pilot, lambda: "✔ finished" in header(pilot), "the end in the header")
            assert "test accuracy 99.57 % of 10,000" in text(app)
            assert not app.screen.check_action("steer", ("stop",))
            engine.die()
            replay.clock.now += 3_600
            await settled(pilot)
            assert isinstance(app.screen, TrainingScreen)
            assert "✔ finished" in header(pilot)


@pytest.mark.parametrize("size", SIZES[:2])
@pytest.mark.parametrize("step", [None, 100])
async def test_a_crashed_run(step: int | None, size: tuple[int, int]) -> None:
    replay = Replay()
    if step is None:
        replay.to_phase(Phase.IMPORTING)
    else:
        replay.to_step(step)
    app = program(replay.run, replay.clock)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert "✖ crashed" in header(pilot)
        assert "engine.log" in text(app)


async def test_an_engine_that_dies_is_noticed() -> None:
    replay = Replay()
    replay.to_step(100)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            assert "▶ training" in header(pilot)
            engine.die()
            replay.clock.now += 2
            await wait_until(pilot, lambda: "✖ crashed" in header(pilot), "the crash in the header")
            assert "engine.log" in text(app)


@pytest.mark.parametrize("step", [None, 100])
async def test_a_failed_run_shows_its_error(step: int | None) -> None:
    replay = Replay()
    if step is None:
        replay.to_phase(Phase.LOADING)
    else:
        replay.to_step(step)
    app = program(replay.run, replay.clock)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        replay.write(RunFailed(time=replay.clock.now + 1, error="no [memory] left for the batch"))
        await wait_until(pilot, lambda: "✖ failed" in header(pilot), "the failure in the header")
        assert "failed: no [memory] left for the batch" in text(app)
        assert app.screen.query_one(StartUpPanel).display is (step is None)


async def test_every_layer_has_its_shape_parameters_share_and_reason_until_it_is_sampled() -> None:
    replay = Replay()
    replay.to_phase(Phase.COMPILING)
    app = program(replay.run, replay.clock)
    async with app.run_test(size=(200, 60)) as pilot:
        await settled(pilot)
        shown = lines(app)
        first = next(place for place, line in enumerate(shown) if " layer " in line) + 1
        layers = started().layers
        total = sum(layer.multiply_adds for layer in layers)
        explanations = layer_explanations(record().config.preset, layers)
        for layer, explanation, line in zip(layers, explanations, shown[first:], strict=False):
            words = " ".join(line.split())
            assert f"{SHORT_KINDS.get(layer.kind, layer.kind)} {layer.detail}".strip() in words
            assert f" {shape(layer.output_shape)} " in words
            assert f" {layer.parameters:,} " in words if layer.parameters else " – " in words
            assert explanation in words
            if layer.multiply_adds / total >= 0.005:
                assert f" {layer.multiply_adds / total:.0%} " in words
            elif layer.multiply_adds:
                assert " <1% " in words
        assert f"{sum(layer.parameters for layer in layers):,} parameters" in text(app)


async def test_the_reason_of_the_highlighted_layer_is_shown() -> None:
    replay = Replay()
    replay.to_step(60)
    app = program(replay.run, replay.clock)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)

        def reason() -> str:
            return " ".join(str(app.screen.query_one("#reason").render()).split())

        layers, preset = started().layers, record().config.preset
        app.screen.query_one(OptionList).focus()
        for layer in layers[1:3]:
            await pilot.press("down")
            await settled(pilot)
            assert reason() == layer_explanation(preset, layer)
        await pilot.press("up", "up")
        await settled(pilot)
        assert reason() == layer_explanation(preset, layers[0])


async def test_a_wide_terminal_shows_as_many_plots_as_fit() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(200, 60)) as pilot:
        await settled(pilot)
        assert [plot.metric.key for plot in app.screen.query(PlotPanel) if plot.display and plot.size.area] == [
            "loss",
            "accuracy",
            "learning_rate",
            "gradient_norm",
            "images_per_second",
            "engine_cpu",
        ]


async def test_a_resized_screen() -> None:
    """A resized screen equals that of a fresh app, also if another screen was in front."""
    run, clock = recorded_run(), Clock(finishing_time())
    small, normal, large = SIZES
    fresh = {}
    for size in (small, large):
        app = program(run, clock)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            fresh[size] = text(app)
    app = program(run, clock)
    async with app.run_test(size=normal) as pilot:
        await settled(pilot)
        fresh[normal] = text(app)
        for size in (large, small, normal):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert text(app) == fresh[size]
        for size, behind, back in ((small, "2", "1"), (large, "question_mark", "escape")):
            await pilot.press(behind)
            await settled(pilot)
            await pilot.resize_terminal(*size)
            await settled(pilot)
            await pilot.press(back)
            await settled(pilot)
            assert text(app) == fresh[size], behind


async def test_an_event_during_a_resize_stays_on_the_screen(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            assert isinstance(app.screen, TrainingScreen)
            app.screen.on_resize(Resize(app.size, app.size))  # which is painted after what follows
            replay.write(PhaseChanged(time=replay.clock.now, phase=Phase.PAUSED))
            app._follow()
            await settled(pilot)
            assert "‖ paused" in header(pilot)


async def test_any_size_of_the_terminal() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(40, 12)) as pilot:
        for size in ((40, 12), (20, 5), (3, 2), (1, 1), (300, 10), (30, 90), (80, 24)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert {len(line) for line in lines(app)} == {size[0]}
        assert app.screen.query_one(ModelPanel).display


async def test_golden_curves_with_a_logarithmic_axis_and_the_cursor(golden: Golden) -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("y", "x", "home", *["right"] * 12)
        await settled(pilot)
        golden("curves-120x40", lines(app))


async def test_golden_maximised_plot(golden: Golden) -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("m", "x", "x", "z")
        await settled(pilot)
        golden("one-plot-80x24", lines(app))

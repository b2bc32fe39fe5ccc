"""Explanations on the screen of a single digit: what is requested, when, and how the reply is shown."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from mnist_tui.control.protocol import Attribute, Explain, GivenDigit, Perturb, Reply
from mnist_tui.inspection.predictions import TEST, TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui import model_loader
from mnist_tui.ui.digits.digit_image import DigitImage
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.heat_map import HeatMapLegend
from mnist_tui.ui.digits.image_grid import ImageGrid
from mnist_tui.ui.digits.screen import DigitsScreen
from mnist_tui.ui.run import model_client
from mnist_tui.ui.run.model_client import ModelClient
from mnist_tui.ui.terminal.colours import ColourDepth
from mnist_tui.ui.theme import themes
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import make_recorded_run
from tests.ui.explanations import attribution, explanation, reply_line
from tests.ui.host import SIZES, Host, settled
from tests.ui.program import looks

OWN_SET = EvaluationPoint("set-mine")


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A finished run, which has also evaluated the data set "mine"."""
    run = make_recorded_run(tmp_path, epochs=2, n=300)
    for path in (run.digits_path, run.predictions_path):
        run.save_arrays(path(OWN_SET.split), **run.load_arrays(path(TEST)))
    return run


@contextmanager
def explaining(run: RunDirectory, point: EvaluationPoint | None = None) -> Iterator[tuple[Host, FakeEngine]]:
    """An app over a run with an engine that explains everything alike."""
    app = Host(run, DigitsScreen)
    with FakeEngine(run) as engine:
        engine.reply = reply_line()
        app.session.recheck_engine()
        app.session.poll()
        app.session.travel_to(point)
        yield app, engine


async def until(pilot: Pilot[None], app: Host, words: str) -> None:
    """Wait for words on the screen; replies come from a thread that is no worker."""
    for _ in looks():
        await settled(pilot)
        if words in app.text():
            return
    raise AssertionError(f"expected {words!r} on the screen:\n{app.text()}")


async def explained(pilot: Pilot[None], screen: DigitScreen) -> None:
    """Wait for the explanation of the digit."""
    for _ in looks():
        await settled(pilot)
        if screen.explanation is not None:
            return
    raise AssertionError("no explanation came")


async def opened(pilot: Pilot[None], app: Host) -> DigitScreen:
    """Open the first digit."""
    await settled(pilot)
    await pilot.press("enter")
    await settled(pilot)
    assert isinstance(app.screen, DigitScreen)
    return app.screen


def overlay_of(screen: DigitScreen) -> str:
    return str(screen.query_one(DigitImage).border_subtitle)


@pytest.mark.parametrize("size", SIZES)
async def test_neighbours_and_variants_are_images_with_captions(run: RunDirectory, size: tuple[int, int]) -> None:
    with explaining(run) as (app, engine):
        async with app.shown(size) as pilot:
            screen = await opened(pilot, app)
            await explained(pilot, screen)
            shown = []
            for _ in range(4):
                shown.append(app.text())
                assert {len(line) for line in app.lines()} == {size[0]}
                await pilot.press("tab")
                await settled(pilot)
            text = "\n".join(shown)
            for words in ("4 ×5, 9 ×4, 7 ×3", "#00100 0.031", "4 validation", "9 training", "2 px left", "✗ 9  61.0 %"):
                assert words in text
            true = screen.digits.digit(0).true
            correct = sum(each.predicted == true for each in explanation().variants)
            assert f"{correct} of 11" in str(screen.query_one("#variants").border_title)
            assert engine.sent() == [Explain("validation", screen.digits.digit(0).index)]


async def test_a_digit_of_another_data_set_is_sent_with_the_request(run: RunDirectory) -> None:
    with explaining(run, OWN_SET) as (app, engine):
        async with app.shown((120, 40)) as pilot:
            screen = await opened(pilot, app)
            await explained(pilot, screen)
            digit = screen.digits.digit(0)
            assert engine.sent() == [Explain("set-mine", digit.index, GivenDigit(digit.image.tobytes(), digit.true))]
            assert f"#{digit.index:05d} of the set mine" in app.text()
            assert not screen.query_one("#epochs").display, "its digits are evaluated once"


async def test_a_validation_digit_of_the_cross_check_is_requested_as_one(run: RunDirectory) -> None:
    run.save_arrays(run.digits_path(TRAIN), **run.load_arrays(run.digits_path(VALIDATION)))
    run.save_arrays(run.predictions_path(TRAIN), **run.load_arrays(run.predictions_path(1)))
    with explaining(run, EvaluationPoint(TRAIN)) as (app, engine):
        async with app.shown((120, 40)) as pilot:
            screen = await opened(pilot, app)
            await explained(pilot, screen)
            assert engine.sent() == [Explain("validation", screen.digits.digit(0).index)]
            assert "(validation split)" in app.text()


async def mapped(pilot: Pilot[None], screen: DigitScreen, words: str) -> None:
    """Wait for words in the legend of the heat map."""
    for _ in looks():
        await settled(pilot)
        legend = screen.query_one(HeatMapLegend)
        if words in "\n".join(legend.render_line(y).text for y in range(legend.size.height)):
            return
    raise AssertionError(f"expected {words!r} in the legend of the heat map")


def attributes(engine: FakeEngine) -> list[tuple[str, int | None, str]]:
    """Return method, class and layer of the heat maps that were requested."""
    return [(each.method, each.target, each.layer) for each in engine.sent() if isinstance(each, Attribute)]


@pytest.mark.parametrize("size", [(60, 20), *SIZES])
async def test_h_cycles_through_the_heat_maps_of_the_predicted_and_the_true_class(
    run: RunDirectory, size: tuple[int, int]
) -> None:
    with explaining(run) as (app, engine):
        async with app.shown(size) as pilot:
            screen = await opened(pilot, app)
            await explained(pilot, screen)
            image = screen.query_one(DigitImage)
            middle = image.size.height // 2 - 1
            plain, true = image.render_line(middle), screen.digits.digit(0).true
            await pilot.press("h")
            await mapped(pilot, screen, "Integrated gradients for 9")
            await mapped(pilot, screen, "-0.5 ")
            await mapped(pilot, screen, "■ for  ■ against")
            assert image.render_line(image.size.height // 2 - 1) != plain
            engine.reply = msgspec.json.encode(Reply(ok=True, attribution=attribution(target=true))) + b"\n"
            await pilot.press("h")
            await mapped(pilot, screen, f"Integrated gradients for {true}")
            await pilot.press("h")
            await settled(pilot)
            assert not screen.query_one(HeatMapLegend).display
            assert image.render_line(middle) == plain
            assert attributes(engine) == [("integrated", None, ""), ("integrated", true, "")]


async def test_method_class_and_layer_of_the_heat_map_are_chosen_in_a_dialog(run: RunDirectory) -> None:
    with explaining(run) as (app, engine):
        async with app.shown((80, 24)) as pilot:
            screen = await opened(pilot, app)
            await explained(pilot, screen)
            chosen = attribution("gradcam", 7, "conv1")
            engine.reply = msgspec.json.encode(Reply(ok=True, explanation=explanation(), attribution=chosen)) + b"\n"
            await pilot.press("@")
            await until(pilot, app, "Sundararajan et al. 2017")
            screen.app.screen.query_one("#classes OptionList", OptionList).highlighted = 7
            await pilot.press("down", "down", "down")
            await until(pilot, app, "Selvaraju et al. 2017")
            await pilot.press("enter")
            await mapped(pilot, screen, "Grad-CAM for 7, conv1")
            assert [each[:2] for each in attributes(engine)] == [("gradcam", 7)]
            await pilot.press("right")
            await mapped(pilot, screen, "Grad-CAM for 7")
            assert len(attributes(engine)) == 2, "the choice holds for the next image"


async def test_an_error_of_the_engine_stands_in_the_place_of_the_heat_map(run: RunDirectory) -> None:
    with explaining(run) as (app, engine):
        async with app.shown((80, 24)) as pilot:
            screen = await opened(pilot, app)
            await explained(pilot, screen)
            engine.reply = msgspec.json.encode(Reply(ok=False, error="the model has no convolution")) + b"\n"
            await pilot.press("h")
            await mapped(pilot, screen, "convolution")


@pytest.mark.parametrize("size", [(60, 20), *SIZES])
async def test_the_smallest_change_is_shown_with_the_new_prediction(run: RunDirectory, size: tuple[int, int]) -> None:
    with explaining(run) as (app, engine):
        async with app.shown(size) as pilot:
            screen = await opened(pilot, app)
            await explained(pilot, screen)
            await pilot.press("Q")
            for words in ("Changed, L2", "×1.0", "4  51.0 %", "9  70.0 %", "L2 123.4"):
                await until(pilot, app, words)
            assert {len(line) for line in app.lines()} == {size[0]}
            if app.screen.query_one("#linf").display:
                await until(pilot, app, "L∞ 123 ")
            await pilot.press("right")
            await until(pilot, app, "9 into 5")
            sent = [(each.norm, each.target) for each in engine.sent() if isinstance(each, Perturb)]
            assert sent[:3] == [("l2", None), ("linf", None), ("l2", 5)]
            await pilot.press("escape")
            await settled(pilot)
            assert app.screen is screen


@pytest.mark.parametrize("depth", [ColourDepth.COLOURS_16, ColourDepth.MONOCHROME])
async def test_with_few_colours_the_saliency_is_drawn_as_signs(run: RunDirectory, depth: ColourDepth) -> None:
    with explaining(run) as (app, _):
        few = replace(themes(depth)[0], name="few")
        app.register_theme(few)
        app.theme = few.name
        async with app.shown((120, 40)) as pilot:
            screen = await opened(pilot, app)
            await explained(pilot, screen)
            await pilot.press("h")
            await mapped(pilot, screen, "+ for  - against")
            image = screen.query_one(DigitImage)
            signs = "".join(image.render_line(y).text for y in range(image.size.height))
            assert {"+", "-"} <= set(signs)


async def test_an_error_is_shown_and_another_digit_is_requested(run: RunDirectory) -> None:
    with explaining(run) as (app, engine):
        engine.reply = msgspec.json.encode(Reply(ok=False, error="no epoch is validated yet")) + b"\n"
        async with app.shown((120, 40)) as pilot:
            screen = await opened(pilot, app)
            await pilot.press("tab")
            await until(pilot, app, "validated yet")
            engine.reply = reply_line()
            await pilot.press("right")
            await explained(pilot, screen)
            assert engine.sent() == [Explain("validation", screen.digits.digit(place).index) for place in (0, 1)]
            await pilot.press("left")
            await explained(pilot, screen)
            assert len(engine.sent()) == 3, "an error is requested again"


@pytest.mark.parametrize("point", [None, OWN_SET], ids=["validation", "own set"])
async def test_the_model_of_a_finished_run_is_loaded_as_soon_as_a_digit_is_opened(
    run: RunDirectory, loaded: list[RunDirectory], point: EvaluationPoint | None
) -> None:
    app = Host(run, DigitsScreen)
    app.session.travel_to(point)
    async with app.shown((120, 40)) as pilot:
        screen = await opened(pilot, app)
        assert [each.path for each in loaded] == [run.path]
        assert not screen.check_action("load_model", ())
        app.now += 3
        app.follow()
        assert str(screen.query_one("#neighbours", ImageGrid)._content) == "loading the model, 3 s"
        assert overlay_of(screen) == "loading the model, 3 s", "it shows on every page"
        await pilot.press("h", "escape", "enter")
        await settled(pilot)
        assert any("loading the model, 3 s" in message for message in app.told()), "h says what it waits for"
        assert len(loaded) == 1
        assert isinstance(app.screen, DigitScreen)
        with FakeEngine(run) as engine:
            engine.reply = reply_line()
            app.session.recheck_engine()
            app.follow()
            await explained(pilot, app.screen)
            assert "heat map" in overlay_of(app.screen)


async def test_the_model_of_a_crashed_run_is_loaded_on_demand(run: RunDirectory, loaded: list[RunDirectory]) -> None:
    events = [line for line in run.events_path.read_bytes().splitlines(keepends=True) if b"run_ended" not in line]
    run.events_path.write_bytes(b"".join(events))
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        screen = await opened(pilot, app)
        assert loaded == []
        assert str(screen.query_one("#neighbours", ImageGrid)._content).startswith("L: ")
        await pilot.press("L")
        await settled(pilot)
        assert [each.path for each in loaded] == [run.path]


async def test_an_engine_that_cannot_be_started_is_not_started_again_unasked(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[RunDirectory] = []

    def fail(run: RunDirectory) -> None:
        tried.append(run)
        raise RunError("the engine cannot be started (no memory): free some memory and try again")

    monkeypatch.setattr(model_loader, "load_model", fail)
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        for key in ("enter", "escape", "enter"):
            await settled(pilot)
            await pilot.press(key)
        await settled(pilot)
        assert isinstance(app.screen, DigitScreen)
        assert "free some memory" in str(app.screen.query_one("#neighbours", ImageGrid)._content)
        assert len(tried) == 1
        await pilot.press("L")
        await settled(pilot)
        assert len(tried) == 2


class Engine:
    """A process that loads a model."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.is_terminated = False

    def poll(self) -> int | None:
        return self.status

    def terminate(self) -> None:
        self.is_terminated = True


@pytest.mark.parametrize("is_loaded", [False, True])
def test_leaving_while_the_model_loads_leaves_no_engine_behind(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, is_loaded: bool
) -> None:
    engine = Engine()
    monkeypatch.setattr(model_loader, "load_model", lambda _: engine)
    loader = model_loader.ModelLoader(run, lambda: 0.0)
    loader.begin()
    loader.start()
    if is_loaded:
        loader.finish("")
    loader.close()
    assert engine.is_terminated is not is_loaded, "a loaded one exits when its last viewer detaches"


def test_an_engine_that_exits_while_it_loads_is_a_problem(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    monkeypatch.setattr(model_loader, "load_model", lambda _: engine)
    loader = model_loader.ModelLoader(run, lambda: 0.0)
    loader.begin()
    loader.poll()
    loader.start()
    loader.poll()
    assert loader.is_loading
    engine.status = 1
    loader.poll()
    assert not loader.is_loading
    assert "engine.log" in loader.problem


class SlowEngine:
    """A stand-in for `ask` that replies when it is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[int] = []
        self.requested = threading.Event()
        self.released = threading.Event()
        monkeypatch.setattr(model_client, "send", self._ask)

    def _ask(self, _: RunDirectory, request: Explain, timeout: float) -> Reply:
        assert timeout == model_client.TIMEOUT
        self.requests.append(request.index)
        self.requested.set()
        assert self.released.wait(60)
        return Reply(ok=True, explanation=explanation())


def test_only_the_newest_of_the_waiting_requests_is_sent(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, done = SlowEngine(monkeypatch), threading.Event()

    def on_outcome(request: Explain, outcome: Reply | str) -> None:
        assert isinstance(outcome, Reply)
        if request.index == 9:
            done.set()

    client = ModelClient(run, on_outcome)
    client.request(Explain("validation", 1))
    assert engine.requested.wait(60)
    for index in (2, 3, 9):
        client.request(Explain("validation", index))
    engine.released.set()
    assert done.wait(60)
    assert engine.requests == [1, 9]


def test_a_closed_client_discards_the_reply(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, outcomes = SlowEngine(monkeypatch), []
    client: ModelClient[Explain] = ModelClient(run, lambda *outcome: outcomes.append(outcome))
    client.request(Explain("validation", 1))
    assert engine.requested.wait(60)
    client.close()
    engine.released.set()
    for thread in threading.enumerate():
        if thread.name == ModelClient.__name__:
            thread.join(60)
    assert outcomes == []

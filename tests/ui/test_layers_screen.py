"""The layers screen: what it shows of which layer, with which weights, and what it asks the engine for."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from textual.pilot import Pilot

from mnist_tui.control.protocol import Excite, Inspect
from mnist_tui.inspection.predictions import TEST, VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.textbook import page_of
from mnist_tui.ui.confusion.choose_reference import Reference
from mnist_tui.ui.layers.contents import Bars, Excited, Maps, Numbers, Probabilities
from mnist_tui.ui.layers.screen import LayersScreen
from mnist_tui.ui.layers.sides import PROGRESS_SECONDS
from mnist_tui.ui.layers.wall import Wall
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import make_recorded_run
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.host import SIZES, Host
from tests.ui.inspections import Replies, answer, layer_view
from tests.ui.program import looks, program, wait_for


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch) -> Replies:
    found = Replies()
    answer(monkeypatch, found)
    return found


@contextmanager
def looking(kept: Iterable[int] = (0, 1, 2, 3)) -> Iterator[Host]:
    """An app over the recorded run with an engine; the weights of some of its epochs are kept."""
    run = recorded_run()
    for epoch in kept:
        run.weights_path(epoch).parent.mkdir(exist_ok=True)
        run.weights_path(epoch).touch()
    with FakeEngine(run):
        yield Host(run, LayersScreen)


async def settled(pilot: Pilot[None], app: Host) -> LayersScreen:
    """Wait until everything wanted has been shown; replies come from threads that are no workers."""
    for _ in looks():
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        screen = app.front
        assert isinstance(screen, LayersScreen)
        if screen.image is not None and screen.side.inspections.is_idle:
            await pilot.pause()
            if screen.side.inspections.is_idle:
                return screen
    raise AssertionError(f"the screen never settled:\n{app.text()}")


async def press(pilot: Pilot[None], app: Host, *keys: str) -> LayersScreen:
    await pilot.press(*keys)
    return await settled(pilot, app)


def wall(screen: LayersScreen, name: str = "own") -> Wall:
    return screen.query_one(f"#{name}", Wall)


@pytest.mark.parametrize("size", [*SIZES, (60, 20)])
async def test_every_kind_of_layer_is_shown_at_every_size(replies: Replies, size: tuple[int, int]) -> None:  # noqa: ARG001
    kinds = {"near": Maps, "near_relu": Maps, "near_flat": Bars, "odd": str, "probabilities": Probabilities}
    with looking() as app:
        async with app.shown(size) as pilot:
            screen = await settled(pilot, app)
            for name, kind in kinds.items():
                while screen.selected.layer != name:
                    screen.action_go_to_layer(1)
                await settled(pilot, app)
                assert isinstance(wall(screen).content, kind), name
            assert {len(line) for line in app.lines()} == {size[0]}
            assert "91.0 %" in app.text()


async def test_the_panels_of_the_model_show_both_towers_and_the_statistics_of_a_layer(
    replies: Replies,  # noqa: ARG001
) -> None:
    with looking() as app:
        async with app.shown((200, 60)) as pilot:
            screen = await settled(pilot, app)
            row = next(line for line in app.lines() if "near_relu" in line)
            assert "wide_norm" in row
            assert "predicted 3, 91.0 %" in app.lines()[0]
            assert screen.why() == (page_of("layers", "Conv2D"), "near")
            y, x = next((y, line.index("near_relu")) for y, line in enumerate(app.lines()) if "near_relu" in line)
            await pilot.click(offset=(x, y))
            await settled(pilot, app)
            assert screen.selected.layer == "near_relu"
            assert "dead 25.0 %" in app.text()
            assert "9,216 outputs" in app.text()
            y, x = next((y, line.index(" 6 ─")) for y, line in enumerate(app.lines()) if " 6 ─" in line)
            await pilot.click(offset=(x, y + 3))
            await settled(pilot, app)
            assert screen.selected.channel == 6
            await press(pilot, app, "up")
            assert "dead" not in app.text().split("deviation")[1].split("outputs")[0]


async def test_tab_shows_kernels_and_the_images_that_excite_the_channel(replies: Replies) -> None:
    with looking() as app:
        async with app.shown((120, 40)) as pilot:
            screen = await settled(pilot, app)
            await press(pilot, app, "right", "right", "tab")
            kernels = wall(screen).content
            assert isinstance(kernels, Maps)
            assert kernels.values.shape == (16, 5, 5)
            await press(pilot, app, "tab")
            assert isinstance(wall(screen).content, Excited)
            assert Excite("near", 2, "best", seconds=PROGRESS_SECONDS) in replies.asked
            assert replies.progress == 1, "it was asked for again"
            assert "#00703" in app.text()
            assert "3 · 2" in app.text(), "label and value"
            await press(pilot, app, "right")
            assert Excite("near", 3, "best", seconds=PROGRESS_SECONDS) in replies.asked
            await press(pilot, app, "tab")
            assert isinstance(wall(screen).content, Maps)


async def test_weights_without_pictures_are_numbers_or_a_sentence(replies: Replies) -> None:  # noqa: ARG001
    with looking() as app:
        async with app.shown((120, 40)) as pilot:
            screen = await settled(pilot, app)
            await press(pilot, app, "tab", *["down"] * 4)
            assert isinstance(wall(screen).content, Numbers)
            assert "moving variance" in app.text()
            await press(pilot, app, "down")
            assert "wide_flat has no weights" in app.text()


async def test_the_scale_is_that_of_a_channel_a_layer_or_all_layers(replies: Replies) -> None:  # noqa: ARG001
    with looking() as app:
        async with app.shown((120, 40)) as pilot:
            screen = await settled(pilot, app)
            limits = {}
            for _ in range(3):
                content = wall(screen).content
                assert isinstance(content, Maps)
                assert f"scale: {screen.scale.value}" in app.text()
                limits[screen.scale.value] = set(content.limits.tolist())
                await press(pilot, app, "equals_sign")
            assert len(limits["unit"]) == 16
            assert limits["layer"] == {max(limits["unit"])}
            assert limits["global"] > limits["layer"] or min(limits["global"]) >= max(limits["layer"])


async def test_epochs_are_travelled_and_compared(replies: Replies) -> None:
    with looking() as app:
        async with app.shown((120, 40)) as pilot:
            screen = await settled(pilot, app)
            await press(pilot, app, "left_square_bracket")
            assert screen.side.weights == 2
            assert app.session.point == EvaluationPoint(VALIDATION, 2), "on all screens"
            assert "epoch 2" in str(wall(screen).border_title)
            await press(pilot, app, "c")
            assert "epoch 1" in str(wall(screen, "other").border_title)
            assert {each.weights for each in replies.asked if isinstance(each, Inspect)} == {"best", 0, 1, 2}
            assert wall(screen, "other").size == wall(screen).size
            own, other = (wall(screen, name).content for name in ("own", "other"))
            assert isinstance(own, Maps)
            assert isinstance(other, Maps)
            assert (own.values != other.values).any()
            await press(pilot, app, "escape")
            assert not wall(screen, "other").display


async def test_playing_shows_every_epoch_and_asks_for_none_twice(
    replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[float] = []

    def show(self: Wall, content: object, *rest: int) -> None:  # noqa: ARG001
        if isinstance(content, Maps) and content.values[0, 12, 12] not in shown[-1:]:
            shown.append(float(content.values[0, 12, 12]))

    with looking() as app:
        async with app.shown((120, 40)) as pilot:
            screen = await settled(pilot, app)
            monkeypatch.setattr(Wall, "show", show)
            await pilot.press("P")
            for _ in looks():
                await pilot.pause()
                if not screen.is_playing:
                    break
            await settled(pilot, app)
            outputs = [layer_view("near", epoch, with_tensors=True).output for epoch in (0, 1, 2, 3)]
            assert shown == [float(output.array()[12, 12, 0]) for output in outputs if output is not None]
            asked = [request for request in replies.asked if isinstance(request, Inspect) and request.layer == "near"]
            assert len(asked) == len(set(asked)) == 4


@pytest.mark.parametrize("words", ["the weights of epoch 2 are not kept", "epoch 2 is torn: \x1b[31mresume the run"])
async def test_the_engines_reason_is_shown(replies: Replies, words: str) -> None:
    replies.errors[2] = words
    with looking() as app:
        async with app.shown((120, 40)) as pilot:
            await settled(pilot, app)
            await press(pilot, app, "left_square_bracket")
            assert words.partition("\x1b")[0] in app.text()
            assert "\x1b" not in app.text()


async def test_a_model_that_cannot_be_inspected_is_a_sentence(replies: Replies) -> None:
    replies.errors[""] = "the model has two inputs: only models with one can be looked into"
    with looking() as app:
        async with app.shown((80, 24)) as pilot:
            await settled(pilot, app)
            assert "the model has two inputs" in app.text()
            await pilot.press("down", "right", "tab", "c", "equals_sign")
            await settled(pilot, app)


async def test_the_image_is_the_one_looked_at_last(replies: Replies) -> None:
    with looking() as app:
        async with app.shown((120, 40)) as pilot:
            screen = await settled(pilot, app)
            misclassified = screen.image
            assert misclassified is not None
            assert misclassified.label != 3 or "split" in misclassified.title
            drawn = misclassified.image[::-1].copy()
            screen.show_image(drawn, "your drawing")
            await settled(pilot, app)
            assert "layers of your drawing" in app.lines()[0]
            assert drawn.tobytes() in {each.image for each in replies.asked if isinstance(each, Inspect)}


@pytest.mark.parametrize("alive", [True, False])
async def test_another_run_is_compared_and_its_model_loaded(
    replies: Replies, loaded: list[RunDirectory], tmp_path: Path, *, alive: bool
) -> None:
    other = make_recorded_run(tmp_path / "other", epochs=2, n=50)
    replies.errors["near_relu"] = "the model has no layer 'near_relu'"
    with looking() as app, FakeEngine(other) if alive else nullcontext():
        async with app.shown((120, 40)) as pilot:
            screen = await settled(pilot, app)
            run = RunDirectory(other.path)
            reference = Reference("other", (), 0.9, EvaluationPoint(VALIDATION, 1), run)
            assert not screen.comparison.begin(reference)
            screen.catch_up()
            await settled(pilot, app)
            title = str(wall(screen, "other").border_title)
            assert run.record().name in title
            if alive:
                assert "epoch 1" in title
                assert isinstance(wall(screen, "other").content, Maps)
                assert not loaded
            else:
                assert [each.path for each in loaded] == [other.path]
                assert "loading the model" in str(wall(screen, "other").content)
            screen.action_leave_comparison()
            assert not wall(screen, "other").display


async def test_v_opens_the_image_under_the_cursor_and_esc_goes_back(replies: Replies) -> None:
    run = recorded_run()
    with FakeEngine(run):
        app = program(run, Clock(finishing_time()))
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("3")
            await wait_for(pilot, "wrong · 27")
            await pilot.press("right", "V")
            await wait_for(pilot, "near, 16 maps of 24×24")
            screen = app.screen
            assert isinstance(screen, LayersScreen)
            assert screen.image is not None
            assert screen.image is screen.session.at_hand
            assert screen.image.image.tobytes() in {each.image for each in replies.asked if isinstance(each, Inspect)}
            await pilot.press("escape")
            await wait_for(pilot, "wrong · 27")


@pytest.mark.parametrize(("kept", "epochs"), [((), [3]), ((1,), [1, 3]), ((0, 2, 77), [0, 2, 3])])
async def test_only_epochs_with_weights_are_travelled(
    replies: Replies, kept: tuple[int, ...], epochs: list[int]
) -> None:
    with looking(kept) as app:
        async with app.shown((120, 40)) as pilot:
            screen = await settled(pilot, app)
            assert [point.epoch for point in screen.travel_points()] == epochs
            for _ in epochs[1:]:
                await press(pilot, app, "left_square_bracket")
            assert screen.point == EvaluationPoint(VALIDATION, epochs[0])
            assert screen.side.weights == ("best" if epochs[0] == 3 else epochs[0])
            if 0 in kept:
                assert "initial weights" in app.text()
                assert app.session.point == EvaluationPoint(VALIDATION, epochs[1]), "other screens do not know them"
                app.session.travel_to(EvaluationPoint(VALIDATION, 3))
                screen.catch_up()
                assert screen.side.weights == "best", "another screen went to another epoch"
            app.session.travel_to(EvaluationPoint(TEST))
            screen.catch_up()
            assert screen.point == EvaluationPoint(VALIDATION, 3), "a test has no weights of its own"
            assert {each.weights for each in replies.asked if isinstance(each, Inspect)} <= {"best", *epochs}

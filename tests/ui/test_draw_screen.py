"""The draw screen; the engine is a fake that predicts the class of the nearest validation images."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
from textual import events
from textual.pilot import Pilot

from mnist_tui.control.protocol import Predict, PredictedImages, Reply, Request
from mnist_tui.runs.directory import HOME_VARIABLE
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.draw.canvas import LEFT, RIGHT, Canvas
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import RECORDING, Clock, Replay, recorded_run
from tests.ui.program import lines, program, settled, text, told, wait_for, wait_until

VALIDATION = RECORDING.load_arrays(RECORDING.digits_path("validation"))
KNOWN = VALIDATION["images"][:1000].reshape(1000, -1).astype(np.float32)
LENGTHS = (KNOWN**2).sum(axis=1)
SEVEN = ((7, 7), (13, 7), (20, 7), (18, 11), (15, 16), (14, 20), (13, 25))
CORNER = tuple((x - 7, y - 5) for x, y in SEVEN)
Points = tuple[tuple[int, int], ...]


def nearest(request: Request) -> bytes:
    """Reply with the classes of the five validation images that are nearest to each image."""
    if not isinstance(request, Predict):
        return b'{"ok":false,"error":"this engine only predicts"}\n'
    images = np.frombuffer(request.images, np.uint8).reshape(-1, KNOWN.shape[1]).astype(np.float32)
    rows = []
    for image in images:
        closest = np.argsort(LENGTHS - 2 * KNOWN @ image)[:5]
        rows.append(tuple((np.bincount(VALIDATION["labels"][closest], minlength=10) / 5).tolist()))
    predictions = PredictedImages(None, tuple(rows), (0.4, 0.1)[: len(rows)], 0.3)
    return msgspec.json.encode(Reply(ok=True, predictions=predictions)) + b"\n"


@contextmanager
def drawing(is_live: bool = False) -> Iterator[tuple[MnistTuiApp, FakeEngine]]:
    """The app on a run with an engine: one that trains, or one that was started to predict for a finished run."""
    replay = Replay() if is_live else None
    if replay is not None:
        replay.to_step(20)
    run = replay.run if replay is not None else recorded_run()
    with FakeEngine(run) as engine:
        engine.answer = nearest
        yield program(run, replay.clock if replay is not None else Clock(0.0)), engine


async def opened(pilot: Pilot[int]) -> Canvas:
    """Open the draw screen, and return its canvas."""
    await pilot.press("6")
    await wait_until(pilot, lambda: bool(pilot.app.screen.query(Canvas)), "a canvas")
    await settled(pilot)
    return pilot.app.screen.query_one(Canvas)


async def drag(pilot: Pilot[int], canvas: Canvas, points: Points, button: int = LEFT) -> None:
    """Drag the mouse over pixels of the image."""
    scale = canvas.size.width / canvas.drawing.image.shape[1]
    left, top = canvas.content_region.offset
    places = [(left + (x + 0.4) * scale, top + (y + 0.4) * scale / 2) for x, y in points]
    kinds = [events.MouseDown, *[events.MouseMove] * (len(points) - 1), events.MouseUp]
    for kind, (x, y) in zip(kinds, [*places, places[-1]], strict=True):
        event = kind(None, x, y, 0, 0, button, False, False, False, screen_x=x, screen_y=y)
        pilot.app.screen._forward_event(event)
        await pilot.pause()


async def test_a_seven_in_a_corner_is_predicted_once_it_is_centred() -> None:
    with drawing() as (app, engine):
        async with app.run_test(size=(120, 40)) as pilot:
            canvas = await opened(pilot)
            assert "Drag with the mouse" in text(app)
            assert not engine.sent()
            await drag(pilot, canvas, CORNER)
            await wait_for(pilot, "centred: 7")
            assert "as drawn: 7" not in text(app)
            assert "centred: 7 down, 6 right" in text(app)
            request = engine.sent()[-1]
            assert isinstance(request, Predict)
            assert request.weights == "best"
            assert "model of epoch 3" in lines(app)[0]
            sent = np.frombuffer(request.images, np.uint8).reshape(2, 28, 28)
            assert np.array_equal(sent[0], canvas.drawing.image)
            assert not sent[0][23:].any()
            assert not np.array_equal(*sent)
            assert "distance 0.400: unlike" in text(app)
            assert "above 0.300: unlike any" in text(app)


async def test_arrows_and_vi_keys_draw_a_one() -> None:
    with drawing() as (app, _):
        async with app.run_test(size=(120, 40)) as pilot:
            canvas = await opened(pilot)
            await pilot.press("home", "pageup", "l", "right", "l", "j", "down", "space", *["j", "down"] * 7)
            await wait_for(pilot, "centred: 1")  # before the pen is lifted
            await pilot.press("space")
            assert canvas.drawing.image[2:16, 3].min() == 255
            assert not canvas.drawing.image[:, 6:].any()
            await pilot.press("l", "k", "h")  # none overtakes another
            assert not canvas.drawing.image[:, 6:].any()
            assert "pen 2.2 px up, x 3 y 15" in text(app)


async def test_a_run_in_training_predicts_by_the_weights_that_train() -> None:
    with drawing(is_live=True) as (app, engine):
        async with app.run_test(size=(120, 40)) as pilot:
            await drag(pilot, await opened(pilot), SEVEN)
            await wait_for(pilot, "as drawn: 7")
            assert [request.weights for request in engine.sent() if isinstance(request, Predict)][-1] == "current"
            assert "step 20" in lines(app)[0]


async def test_the_right_button_erases_and_keys_edit() -> None:
    with drawing() as (app, _):
        async with app.run_test(size=(120, 40)) as pilot:
            canvas = await opened(pilot)
            await drag(pilot, canvas, SEVEN)
            drawn = canvas.drawing.image
            await drag(pilot, canvas, SEVEN, button=RIGHT)
            assert canvas.drawing.image.max() < 128
            await pilot.press("u")
            assert np.array_equal(canvas.drawing.image, drawn)
            await pilot.press("I")
            assert np.array_equal(canvas.drawing.image, 255 - drawn)
            await wait_for(pilot, "inverted")
            await pilot.press("u", "delete")
            await wait_for(pilot, "Draw a digit")
            assert not canvas.drawing.image.any()
            await pilot.press("u", "u", "ctrl+r")
            assert np.array_equal(canvas.drawing.image, drawn)
            await pilot.press("delete", "greater_than_sign", "greater_than_sign")
            await drag(pilot, canvas, SEVEN)
            assert canvas.drawing.image.sum() > 1.5 * drawn.sum()
            await pilot.press("ctrl+e", "space")
            assert "eraser" in text(app)


async def test_an_example_is_the_starting_point() -> None:
    with drawing() as (app, engine):
        async with app.run_test(size=(120, 40)) as pilot:
            canvas = await opened(pilot)
            await pilot.press("number_sign", *"999999999", "enter")
            await wait_for(pilot, "no index 999999999")
            await pilot.press("escape")
            index = int(VALIDATION["indices"][3])
            await pilot.press("number_sign", *str(index), "enter")
            await wait_for(pilot, f"#{index:05d}")
            assert np.array_equal(canvas.drawing.image, VALIDATION["images"][3])
            await pilot.press("3")
            await settled(pilot)
            await pilot.press("enter")
            await settled(pilot)
            assert app.session is not None
            assert app.session.at_hand is not None
            shown = app.session.at_hand
            await pilot.press("B")
            await wait_for(pilot, f"copy of {shown.title[:6]}")
            assert np.array_equal(canvas.drawing.image, shown.image)
            assert engine.sent()


async def test_the_drawing_is_saved_and_added_to_mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    with drawing() as (app, _):
        async with app.run_test(size=(120, 40)) as pilot:
            canvas = await opened(pilot)
            await drag(pilot, canvas, SEVEN)
            await wait_for(pilot, "as drawn: 7")
            await pilot.press("a", "7")
            await wait_until(pilot, lambda: any("Added as 7" in words for words in told(app)), "a notification")
            mine = np.load(tmp_path / "mine.npz")
            assert np.array_equal(mine["x"], canvas.drawing.image[np.newaxis])
            assert mine["y"].tolist() == [7]
            assert app.session is not None
            exports = app.session.run.path / "exports"
            await pilot.press("e", "enter")
            await wait_until(pilot, lambda: (exports / "drawing-001.npy").exists(), "a file")
            assert np.array_equal(np.load(exports / "drawing-001.npy"), canvas.drawing.image)
            assert (exports / "drawing-001.png").exists()
            await pilot.press("e")
            await wait_for(pilot, "drawing-002")
            await pilot.press(*"/x/y", "enter")
            await wait_for(pilot, "cannot be written")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), pytest.param((200, 60), marks=pytest.mark.full)], ids=str)
async def test_everything_fits(size: tuple[int, int]) -> None:
    with drawing() as (app, _):
        async with app.run_test(size=size) as pilot:
            canvas = await opened(pilot)
            await drag(pilot, canvas, SEVEN)
            assert canvas.size.width % 28 == 0
            if size == (60, 20):
                await pilot.press("tab")
            await wait_for(pilot, "as drawn: 7")
            assert re.findall(r"│ (\d)  ", text(app)) == list("0123456789")
            assert "distance 0.1" in text(app)
            if size == (60, 20):
                await pilot.press("tab")
            await wait_for(pilot, "centred: 2 down, 1 left")

"""The screen that predicts image files; the engine is a fake that predicts all images alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Pillow
from textual.pilot import Pilot

from mnist_tui.control.protocol import Predict, PredictedImages, Reply
from mnist_tui.ui.predict.screen import PredictScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.photographs import sheet
from tests.kit.recording import RECORDING, recorded_run
from tests.ui.host import SIZES, Host
from tests.ui.program import looks

DIGITS = RECORDING.load_arrays(RECORDING.digits_path("validation"))["images"][:3]


def reply(classes: list[int], confidence: float = 0.97, distance: float = 0.1) -> bytes:
    """Return a reply that predicts these classes, one for each image of a request."""
    rows = []
    for predicted in classes:
        row = np.full(10, (1 - confidence) / 9)
        row[predicted] = confidence
        rows.append(tuple(row.tolist()))
    predictions = PredictedImages(3, tuple(rows), (distance,) * len(classes), 0.3)
    return msgspec.json.encode(Reply(ok=True, predictions=predictions)) + b"\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of each kind; the first is a photograph of three digits."""
    path = tmp_path / "pictures"
    path.mkdir()
    Pillow.fromarray(sheet(list(DIGITS), side=120, gap=30)).save(path / "a.png")
    (path / "b.png").write_bytes(b"no image")
    (path / "notes.txt").write_text("not listed")
    return path


@contextmanager
def predicting(folder: Path, answer: bytes) -> Iterator[tuple[Host, FakeEngine]]:
    """An app on the screen of a folder, with an engine."""
    app = Host(recorded_run(), lambda session: PredictScreen(session, folder))
    with FakeEngine(app.session.run) as engine:
        engine.reply = answer
        app.session.recheck_engine()
        app.session.poll()
        yield app, engine


async def until(pilot: Pilot[None], app: Host, *words: str) -> None:
    """Wait for words on the screen; the tree's worker never ends, so that `settled` would not either."""
    for _ in looks():
        await pilot.pause(0.02)
        if all(word in app.text() for word in words):
            return
    raise AssertionError(f"expected {words} on the screen:\n{app.text()}")


@pytest.mark.parametrize("size", SIZES)
async def test_a_photograph_is_shown_with_its_digits_and_bars(folder: Path, size: tuple[int, int]) -> None:
    with predicting(folder, reply([7, 2, 1])) as (app, engine):
        async with app.shown(size) as pilot:
            await until(pilot, app, "a.png")
            await pilot.press("down")
            await until(pilot, app, "7  97.0 %", "image 1 of 3", "721", "predicted", "runner-up")
            await pilot.press("right")
            await until(pilot, app, "2  97.0 %", "image 2 of 3")
            if size[1] < 34:
                await pilot.press("tab")
            await until(pilot, app, "grey", "ink only", "threshold", "digits", "▸ input 2")
        sent = [request for request in engine.sent() if isinstance(request, Predict)]
        assert [len(request.images) for request in sent] == [3 * 784]


async def test_doubts_are_named_and_the_other_files_are_predicted_as_well(folder: Path) -> None:
    with predicting(folder, reply([4, 4, 4], confidence=0.4, distance=0.5)) as (app, _):
        async with app.shown((120, 40)) as pilot:
            await until(pilot, app, "444", "✗")  # before any file is chosen
            assert "notes.txt" not in app.text()
            await pilot.press("down")
            await until(pilot, app, "unsure (below", "unlike the training data")
            await pilot.press("down")
            await until(pilot, app, "b.png is no image")


async def test_a_path_can_be_typed(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Pillow.fromarray(DIGITS[0]).save(other / "digit.png")
    with predicting(folder, reply([5])) as (app, _):
        async with app.shown((120, 40)) as pilot:
            await until(pilot, app, "a.png")
            assert isinstance(app.screen, PredictScreen)
            path = app.screen.query_one("#path")
            app.screen.focus_path()
            path.value = str(other / "missing")  # type: ignore[attr-defined]
            await pilot.press("enter")
            await pilot.pause()
            assert any("cannot be found" in words for words in app.told())
            app.screen.focus_path()
            path.value = str(other / "digit.png")  # type: ignore[attr-defined]
            await pilot.press("enter")
            await until(pilot, app, "digit.png", "5  97.0 %")


async def test_without_an_engine_the_steps_are_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_tui.ui.model_loader.load_model", lambda _: None)
    app = Host(recorded_run(), lambda session: PredictScreen(session, folder))
    async with app.shown((120, 40)) as pilot:
        await until(pilot, app, "a.png")
        await pilot.press("down")
        await until(pilot, app, "loading the model", "threshold", "input 3")

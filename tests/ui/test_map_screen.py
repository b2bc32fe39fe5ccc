"""The map screen: what it asks for, what it draws, and what a rectangle opens."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from textual.pilot import Pilot

from mnist_tui.control.protocol import Project, Projection, Reply, Request, Tensor
from mnist_tui.ui.map.scatter_view import ScatterView
from mnist_tui.ui.map.screen import MapScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import recorded_run
from tests.ui.host import Host
from tests.ui.program import looks


def projection(epoch: int | None, indices: list[int], width: int = 3) -> Projection:
    """Return a map in which image i lies at (i % 20, i // 20), by its place in the split."""
    count = len(indices)
    places = np.zeros((count, width), "<f4")
    places[:, 0] = np.arange(count) % 20
    if width > 1:
        places[:, 1] = np.arange(count) // 20
    return Projection(
        epoch, 70, tuple(indices), Tensor(places.shape, places.tobytes()), (0.6, 0.3, 0.1), 42, (1,) * count
    )


class Engine:
    """Replies of the stand-in for the engine."""

    def __init__(self) -> None:
        self.run = run = recorded_run()
        self.indices: list[int] = run.load_arrays(run.digits_path("validation"))["indices"].tolist()
        self.width, self.count, self.error = 3, len(self.indices), ""

    def __call__(self, request: Request) -> bytes:
        assert isinstance(request, Project)
        epoch = request.weights if isinstance(request.weights, int) else 3
        if self.error:
            return msgspec.json.encode(Reply(ok=False, error=self.error)) + b"\n"
        made = projection(epoch, self.indices[: self.count], self.width)
        return msgspec.json.encode(Reply(ok=True, projection=made)) + b"\n"


@contextmanager
def mapping(answer: Engine) -> Iterator[tuple[Host, FakeEngine]]:
    with FakeEngine(answer.run) as engine:
        engine.answer = answer
        yield Host(answer.run, MapScreen), engine


async def shown(pilot: Pilot[None], app: Host, text: str) -> ScatterView:
    """Wait until a text is on the screen."""
    for _ in looks():
        await pilot.pause()
        if text in app.text():
            return app.front.query_one(ScatterView)
    raise AssertionError(f"{text!r} never came:\n{app.text()}")


def sent(engine: FakeEngine) -> list[Any]:
    return [request.weights for request in engine.sent() if isinstance(request, Project)]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20)])
async def test_the_map_names_the_image_under_the_cursor(size: tuple[int, int]) -> None:
    with mapping(Engine()) as (app, engine):
        async with app.shown(size) as pilot:
            await shown(pilot, app, "PCA of 42 features")
            assert {len(line) for line in app.lines()} == {size[0]}
            if size != (60, 20):
                assert "predicted as" in app.text()  # the first cursor is on a mistake
                assert "60 % and 30 %" in app.text()
            assert len(sent(engine)) == 1
            assert app.session.at_hand is not None
            assert app.session.at_hand.title.endswith("of the validation split")


async def test_a_rectangle_opens_its_images() -> None:
    answer = Engine()
    with mapping(answer) as (app, _):
        async with app.shown((120, 40)) as pilot:
            scatter = await shown(pilot, app, "PCA of 42 features")
            await pilot.press("home", *["pageup"] * 6, "space", "end", "enter")
            await pilot.pause()
            (opened,) = app.opened
            (term,) = opened.wanted.terms
            places = [answer.indices.index(int(index)) for index in term.values]
            top = (len(answer.indices) - 1) // 20
            assert term.key == "index"
            assert {place // 20 for place in places} == set(range(min(places) // 20, top + 1))
            assert {place % 20 for place in places} == set(range(20))
            assert scatter.corner is None


async def test_dragging_the_mouse_opens_a_rectangle_and_escape_removes_a_mark() -> None:
    answer = Engine()
    with mapping(answer) as (app, _):
        async with app.shown((120, 40)) as pilot:
            scatter = await shown(pilot, app, "PCA of 42 features")
            await pilot.press("space", "escape")
            assert scatter.corner is None
            region = scatter.content_region
            await pilot.mouse_down(offset=(region.x, region.y))
            await pilot.hover(offset=(region.right - 1, region.bottom - 1))
            await pilot.mouse_up(offset=(region.right - 1, region.bottom - 1))
            await pilot.pause()
            assert len(app.opened[0].wanted.terms[0].values) == len(answer.indices)


async def test_epochs_move_the_map_and_a_missing_one_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_tui.ui.run.weights_screen.kept_epochs", lambda _: (0, 1, 2))
    answer = Engine()
    with mapping(answer) as (app, engine):
        async with app.shown((120, 40)) as pilot:
            await shown(pilot, app, "PCA of 42 features")
            await pilot.press("left_square_bracket")
            epoch = app.session.point.epoch if app.session.point is not None else 0
            await shown(pilot, app, f"epoch {epoch}: 60 %")
            assert sent(engine)[-1] in (epoch, "best")
            answer.error = "the weights of this epoch are not kept"
            await pilot.press("left_square_bracket")
            await shown(pilot, app, answer.error)


@pytest.mark.parametrize(("count", "width"), [(1, 1), (2, 2)])
async def test_few_images_and_a_single_feature_are_drawn(count: int, width: int) -> None:
    answer = Engine()
    answer.count, answer.width = count, width
    with mapping(answer) as (app, _):
        async with app.shown((80, 24)) as pilot:
            scatter = await shown(pilot, app, "PCA of 42 features")
            await pilot.press("space", "home", *["pageup"] * 4, "enter")
            assert scatter.under_cursor is None or scatter.under_cursor < count


async def test_umap_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with mapping(Engine()) as (app, _):
        async with app.shown((120, 40)) as pilot:
            await shown(pilot, app, "PCA of 42 features")
            await pilot.press("comma")
            await shown(pilot, app, "PCA of 42 features")
            for _ in looks():
                await pilot.pause()
                if list(app.told()):
                    break
            assert "pip install 'mnist-tui[map]'" in next(app.told())
            fake = SimpleNamespace(UMAP=lambda **_: SimpleNamespace(fit_transform=lambda each: each[:, ::-1][:, :2]))
            monkeypatch.setitem(sys.modules, "umap", fake)
            await pilot.press("comma")
            await shown(pilot, app, "UMAP of 42 features")


async def test_without_an_engine_it_says_how_to_load_the_model() -> None:
    app = Host(recorded_run(), MapScreen)
    app.session.model_loader.problem = "no room"
    async with app.shown((80, 24)) as pilot:
        await shown(pilot, app, "L tries again")

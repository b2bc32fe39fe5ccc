"""Golden crops of the screens that look inside the model: draw, layers, arithmetic, history and map."""

from pathlib import Path

import pytest

from mnist_tui.runs.directory import HOME_VARIABLE
from mnist_tui.ui.layers.history import HistoryScreen
from mnist_tui.ui.layers.screen import LayersScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import recorded_run
from tests.ui.conftest import Golden
from tests.ui.host import Host, settled
from tests.ui.inspections import Replies, answer
from tests.ui.program import lines, wait_for
from tests.ui.test_arithmetic_screen import hosted
from tests.ui.test_draw_screen import CORNER, drag, drawing, opened
from tests.ui.test_layer_history import sampled
from tests.ui.test_layers_screen import settled as layers_settled
from tests.ui.test_map_screen import Engine, mapping, shown

SIZE = (120, 40)
CROP = slice(0, 24)
"""Lines of a screen that are compared."""


async def test_the_screens_that_look_inside(golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    crops: list[str] = []

    def new_home(name: str) -> None:
        monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / name))

    new_home("draw")
    with drawing() as (app, _):
        async with app.run_test(size=SIZE) as drawn:
            await drag(drawn, await opened(drawn), CORNER)
            await wait_for(drawn, "centred: 7")
            crops += lines(app)[CROP]
    new_home("map")
    with mapping(Engine()) as (host, _):
        async with host.shown(SIZE) as pilot:
            await shown(pilot, host, "predicted as")
            crops += host.lines()[CROP]
    new_home("history")
    host = Host(recorded_run(), HistoryScreen)
    sampled(host)
    async with host.shown(SIZE) as pilot:
        await settled(pilot)
        crops += host.lines()[CROP]
    new_home("layers")
    answer(monkeypatch, Replies())
    run = recorded_run()
    with FakeEngine(run):
        host = Host(run, LayersScreen)
        async with host.shown(SIZE) as pilot:
            await layers_settled(pilot, host)
            crops += host.lines()[CROP]
    new_home("arithmetic")
    host = hosted("conv", (2, 3, 1))
    async with host.shown(SIZE) as pilot:
        await settled(pilot)
        crops += host.lines()[CROP]
    golden("inside-120x40", [line.rstrip() for line in crops])

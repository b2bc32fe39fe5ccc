"""The compare screen over recorded real runs, as text, at three sizes; the same text in both themes."""

import pytest

from mnist_tui.ui.compare.screen import CompareScreen
from mnist_tui.ui.theme import LIGHT
from tests.kit.recording import Clock, finishing_time
from tests.ui.compared import recorded, three_runs
from tests.ui.conftest import Golden
from tests.ui.program import program, settled
from tests.ui.test_golden_screens import Album, sizes

themes = pytest.mark.parametrize("theme", ["mnist-night", LIGHT.name])


@sizes
@themes
async def test_three_runs_compared(size: tuple[int, int], theme: str, golden: Golden) -> None:
    runs = three_runs()
    app = program(clock=Clock(finishing_time()))
    app.theme = theme
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        app.push_screen(CompareScreen(runs, lambda: 0.0))
        album = Album(pilot, golden)
        await album.take("compare")
        await album.take("compare-cursor", "v", "home", *["right"] * 9)
        await album.take("compare-pages", "escape", "tab")
        await album.take("compare-help", "question_mark")


@sizes
@themes
async def test_runs_drawn_into_a_runs_curves(size: tuple[int, int], theme: str, golden: Golden) -> None:
    run, *_ = three_runs()
    for number in range(7):
        recorded("paused-otter", run_id=f"20261125-00000{number}", called=f"earlier-run-{number}")
    app = program(run, Clock(finishing_time()))
    app.theme = theme
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        album = Album(pilot, golden)
        await album.take("choose-runs", "slash")
        keys = [key for _ in range(9) for key in ("space", "down")]
        await album.take("overlaid", *keys, "enter", "x")

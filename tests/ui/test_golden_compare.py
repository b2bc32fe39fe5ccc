"""Golden screens of compared runs, at three sizes and in both themes."""

import pytest

from mnist_tui.ui.compare.screen import CompareScreen
from mnist_tui.ui.theme import DARK, LIGHT
from tests.kit.recording import Clock, finishing_time
from tests.ui.compared import recorded, three_runs
from tests.ui.conftest import Golden
from tests.ui.program import program, settled
from tests.ui.test_golden_screens import Album, sizes


@sizes
@pytest.mark.parametrize("theme", [DARK.name, LIGHT.name])
async def test_three_compared_runs(size: tuple[int, int], theme: str, golden: Golden) -> None:
    runs = three_runs()
    app = program(clock=Clock(finishing_time()))
    app.theme = theme
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        app.push_screen(CompareScreen(runs, lambda: 0.0))
        await Album(pilot, golden).take("compare")


async def test_seven_runs_drawn_into_the_plots_of_another(golden: Golden) -> None:
    run, *_ = three_runs()
    for number in range(7):
        recorded("paused-otter", run_id=f"20261125-00000{number}", called=f"earlier-run-{number}")
    app = program(run, Clock(finishing_time()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        keys = [key for _ in range(9) for key in ("space", "down")]
        await Album(pilot, golden).crop("choose-runs", "c")
        await Album(pilot, golden).take("overlaid", *keys, "enter", "x")

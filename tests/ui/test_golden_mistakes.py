"""Golden screens of what one does with mistakes: compare, travel, filter, choose a list, ask why."""

import pytest

from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.conftest import Golden
from tests.ui.explanations import answer_line
from tests.ui.program import lines, program, settled, wait_for
from tests.ui.test_golden_screens import Album

EARLIER = "left_square_bracket"
sizes = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")


@sizes
async def test_the_past_of_a_finished_run(size: tuple[int, int], golden: Golden) -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=size) as pilot:
        album = Album(pilot, golden)
        await album.take("compared", "2", "c")
        await album.take("travelled", EARLIER, "escape")
        await album.take("filtered", "3", "slash", *"true:9", "space", *"conf>0.5")
        await album.take("lists", "enter", "F")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_digit_that_an_engine_explains(size: tuple[int, int], golden: Golden) -> None:
    run = recorded_run()
    app = program(run, Clock(finishing_time()))
    with FakeEngine(run) as engine:
        engine.reply = answer_line()
        async with app.run_test(size=size) as pilot:
            for key in ("3", "enter"):
                await settled(pilot)
                await pilot.press(key)
            await wait_for(pilot, "h: heat map")
            album = Album(pilot, golden)
            await album.take("explained", "h")
            if lines(app)[2].count("╮") < 3:
                await album.take("neighbours", *["tab"] * (2 if size[0] == 80 else 1))

"""Golden screens of misclassified digits: compared, filtered and explained."""

from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.conftest import Golden
from tests.ui.explanations import reply_line
from tests.ui.program import program, settled, wait_for
from tests.ui.test_golden_screens import Album

SIZE = (120, 40)


async def test_a_comparison_and_a_filter(golden: Golden) -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        album = Album(pilot, golden)
        await album.take("compared", "2", "c")
        await album.take("filtered", "3", "slash", *"true:9", "space", *"conf>0.5")


async def test_a_digit_that_an_engine_explains(golden: Golden) -> None:
    run = recorded_run()
    app = program(run, Clock(finishing_time()))
    with FakeEngine(run) as engine:
        engine.reply = reply_line()
        async with app.run_test(size=SIZE) as pilot:
            for key in ("3", "enter"):
                await settled(pilot)
                await pilot.press(key)
            await wait_for(pilot, "h: ")
            album = Album(pilot, golden)
            await album.take("explained", "h")
            await album.take("neighbours", "tab")

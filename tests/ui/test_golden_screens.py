"""Every screen of a recorded real run, as text, at three sizes: golden/NAME-COLUMNSxROWS.txt.

`pytest tests/ui/test_golden_screens.py --update-golden` writes them anew; the diff then shows what a change does.
"""

import re

import pytest
from textual.app import App
from textual.pilot import Pilot

from mnist_tui.events import AlertKind, AlertRaised, Phase, PhaseChanged, ResumeReason, RunResumed, SettingChanged
from mnist_tui.ui.theme import DARK, LIGHT
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run
from tests.ui.conftest import Golden
from tests.ui.host import SIZES
from tests.ui.program import lines, program, settled, strips

LATER = 2 * 3_600.0
"""Seconds after which the finished run is looked at."""
SPIKE = "the loss jumped to 2.31, 5.1 times what it was: a lower learning rate may help"
DIVERGED = "the loss is NaN since step 1,200: the weights are lost; the learning rate is probably too high"
CUT_NUMBER = re.compile(r"[\d.,%]…")

sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@pytest.fixture(autouse=True)
def version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release changes no golden screen."""
    monkeypatch.setattr("mnist_tui.ui.home.screen.__version__", "0.1.0")


class Album:
    """Presses keys, waits until the screen stands still, and compares it."""

    def __init__(self, pilot: Pilot[int], golden: Golden) -> None:
        self._pilot = pilot
        self._golden = golden

    async def take(self, name: str, *keys: str) -> None:
        """The screen that these keys lead to."""
        await settled(self._pilot)
        for key in keys:
            await self._pilot.press(key)
            await settled(self._pilot)
        columns, rows = self._pilot.app.size
        widths = [strip.cell_length for strip in strips(self._pilot.app)]
        shown = lines(self._pilot.app)
        assert len(shown) == rows
        assert max(widths) <= columns
        assert [line for line in shown if CUT_NUMBER.search(line)] == []
        self._golden(f"{name}-{columns}x{rows}", shown)


@sizes
async def test_a_finished_run(size: tuple[int, int], golden: Golden) -> None:
    app = program(recorded_run(), Clock(finishing_time() + LATER))
    async with app.run_test(size=size) as pilot:
        album = Album(pilot, golden)
        await album.take("finished")
        await album.take("confusion", "2")
        await album.take("digits", "3")
        await album.take("digit", "enter")
        await album.take("help", "question_mark")
        await album.take("home", "escape", "6")


@sizes
@pytest.mark.parametrize("theme", [DARK.name, LIGHT.name])
async def test_a_run_in_its_training(size: tuple[int, int], theme: str, golden: Golden) -> None:
    replay = Replay()
    replay.to_step(1_200)
    app = program(replay.run, replay.clock)
    app.theme = theme
    with FakeEngine(replay.run):
        async with app.run_test(size=size) as pilot:
            album = Album(pilot, golden)
            await album.take("training")
            await album.take("leave", "q")


@sizes
async def test_a_run_that_starts_up(size: tuple[int, int], golden: Golden) -> None:
    replay = Replay()
    replay.to_phase(Phase.COMPILING)
    replay.clock.now += 3
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=size) as pilot:
            await Album(pilot, golden).take("start-up")


def steered(replay: Replay) -> None:
    """What two people did to the run, and a pause of 75 seconds."""
    started = replay.clock.now
    ada, bob = "ada, screen on pts/3", "bob, command line"

    def at(step: int) -> float:
        return started - (1_200 - step) * 0.04

    replay.write(SettingChanged(time=at(300), setting="pause", value="after this batch", by=ada, step=300))
    replay.write(RunResumed(time=at(520), reason=ResumeReason.RESUMED, step=1_200, epoch=1, by=bob))
    replay.write(SettingChanged(time=at(800), setting="learning_rate", value="0.005", by=ada, step=800))
    replay.write(AlertRaised(time=at(1_100), kind=AlertKind.SPIKE, text=SPIKE, step=1_100, epoch=2))
    replay.write(SettingChanged(time=started, setting="pause", value="after this batch", by=bob, step=1_200))
    replay.write(PhaseChanged(time=started, phase=Phase.PAUSED))
    replay.clock.now = started + 75


@sizes
async def test_a_run_that_is_steered(size: tuple[int, int], golden: Golden) -> None:
    replay = Replay()
    replay.to_step(1_200)
    steered(replay)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=size) as pilot:
            album = Album(pilot, golden)
            await album.take("paused")
            await album.take("learning-rate", "l")
            await album.take("early-stopping", "escape", "E")
            await album.take("roll-back", "escape", "b")
            await album.take("kill", "escape", "K")
            await album.take("steering-help", "escape", "escape", "question_mark")


@sizes
async def test_a_run_that_diverged(size: tuple[int, int], golden: Golden) -> None:
    replay = Replay()
    replay.to_step(1_200)
    now = replay.clock.now
    replay.write(
        AlertRaised(time=now, kind=AlertKind.NOT_FINITE, text=DIVERGED, step=1_200, epoch=2, awaits_decision=True)
    )
    replay.write(PhaseChanged(time=now, phase=Phase.PAUSED))
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=size) as pilot:
            await Album(pilot, golden).take("diverged")


def colours(app: App[int]) -> list[tuple[str, str, str]]:
    """Every piece of text on the screen with its foreground and background."""
    return [
        (segment.text, str(segment.style.color), str(segment.style.bgcolor))
        for strip in strips(app)
        for segment in strip
        if segment.style and segment.text.strip()
    ]


async def test_the_other_theme_repaints_everything_on_every_screen() -> None:
    """After `d` a screen has the colours that it has in an app that began with that theme."""
    ways = [(), ("2",), ("6",)]
    run, clock = recorded_run(), Clock(finishing_time() + LATER)
    expected = []
    app = program(run, clock)
    app.theme = LIGHT.name
    async with app.run_test(size=(80, 24)) as pilot:
        for keys in ways:
            await pilot.press(*keys)
            await settled(pilot)
            expected.append(colours(app))
    app = program(run, clock)
    async with app.run_test(size=(80, 24)) as pilot:
        for keys, light in zip(ways, expected, strict=True):
            await pilot.press(*keys)
            await settled(pilot)
            dark = colours(app)
            await pilot.press("d")
            await settled(pilot)
            assert colours(app) == light
            assert {pair[1:] for pair in dark}.isdisjoint(pair[1:] for pair in light)
            await pilot.press("d")

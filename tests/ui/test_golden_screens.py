"""Golden screens of a recorded run: main screens as golden/NAME-COLUMNSxROWS.txt, dialogs as crops golden/NAME.txt.

`pytest tests/ui/test_golden_screens.py --update-golden` rewrites them; the diff then shows what a change does.
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
    """Presses keys, waits until the screen no longer changes, and compares it."""

    def __init__(self, pilot: Pilot[int], golden: Golden) -> None:
        self._pilot = pilot
        self._golden = golden

    async def take(self, name: str, *keys: str) -> None:
        """Compare the whole screen that these keys lead to."""
        await self._press(keys)
        columns, rows = self._pilot.app.size
        self._golden(f"{name}-{columns}x{rows}", lines(self._pilot.app))

    async def crop(self, name: str, *keys: str) -> None:
        """Compare the dialog that these keys lead to, without the screen below it."""
        await self._press(keys)
        screen = self._pilot.app.screen
        assert screen.is_modal
        box = next(widget.region for widget in screen.children if widget.border_title)
        assert screen.region.contains_region(box)
        shown = lines(self._pilot.app)[box.y : box.bottom]
        self._golden(name, [line[box.x : box.right] for line in shown])

    async def _press(self, keys: tuple[str, ...]) -> None:
        app = self._pilot.app
        await settled(self._pilot)
        for key in keys:
            await self._pilot.press(key)
            await settled(self._pilot)
        assert len(lines(app)) == app.size.height
        assert max(strip.cell_length for strip in strips(app)) <= app.size.width
        assert [line for line in lines(app) if CUT_NUMBER.search(line)] == []


@sizes
async def test_a_finished_run(size: tuple[int, int], golden: Golden) -> None:
    app = program(recorded_run(), Clock(finishing_time() + LATER))
    async with app.run_test(size=size) as pilot:
        album = Album(pilot, golden)
        await album.take("confusion", "2")
        await album.take("digits", "3")
        await album.take("digit", "enter")
        await album.take("labels", "4", "R", "8", "A", "U")
        await album.take("home", "0")


@sizes
@pytest.mark.parametrize("theme", [DARK.name, LIGHT.name])
async def test_a_run_in_its_training(size: tuple[int, int], theme: str, replay: Replay, golden: Golden) -> None:
    app = program(replay.run, replay.clock)
    app.theme = theme
    with FakeEngine(replay.run):
        async with app.run_test(size=size) as pilot:
            await Album(pilot, golden).take("training")


async def test_a_run_that_starts_up(golden: Golden) -> None:
    replay = Replay()
    replay.to_phase(Phase.COMPILING)
    replay.clock.now += 3
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=(120, 40)) as pilot:
            await Album(pilot, golden).take("start-up")


def steered(replay: Replay) -> None:
    """Record what two users did to the run, and a pause of 75 seconds."""
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


async def test_a_run_that_is_steered(replay: Replay, golden: Golden) -> None:
    steered(replay)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=(120, 40)) as pilot:
            await Album(pilot, golden).take("paused")


async def test_the_dialogs_of_a_live_run_fit_on_a_small_terminal(replay: Replay, golden: Golden) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=(80, 24)) as pilot:
            album = Album(pilot, golden)
            for name, key in {
                "leave": "q",
                "learning-rate": "l",
                "early-stopping": "E",
                "roll-back": "b",
                "kill": "K",
                "help": "question_mark",
            }.items():
                await album.crop(name, key)
                await pilot.press("escape")


async def test_the_dialogs_of_a_finished_run_fit_on_a_small_terminal(golden: Golden) -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(80, 24)) as pilot:
        album = Album(pilot, golden)
        await album.crop("choose-reference", "2", "c", "c")
        await album.crop("lists", "escape", "3", "F")
        await album.crop("relabel", "escape", "4", "R")


async def test_the_decision_about_a_diverged_run(replay: Replay, golden: Golden) -> None:
    now = replay.clock.now
    replay.write(
        AlertRaised(time=now, kind=AlertKind.NOT_FINITE, text=DIVERGED, step=1_200, epoch=2, awaits_decision=True)
    )
    replay.write(PhaseChanged(time=now, phase=Phase.PAUSED))
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=(80, 24)) as pilot:
            await Album(pilot, golden).crop("diverged")


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
    ways = [(), ("2",), ("0",)]
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

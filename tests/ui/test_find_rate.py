"""The screen that finds a learning rate: the curve as it comes, and the suggestion on its way to the settings."""

import threading
from collections.abc import Iterator

import pytest
from textual.pilot import Pilot

from mnist_tui.analysis.learning_rate import rates
from mnist_tui.config import RunConfig
from mnist_tui.control.jobs import JobReport
from mnist_tui.runs.errors import RunError
from mnist_tui.ui.find_rate import search
from mnist_tui.ui.find_rate.screen import FindRateScreen
from mnist_tui.ui.home.screen import HomeScreen
from mnist_tui.ui.home.settings_form import SettingsForm
from tests.ui.program import program, settled, text, wait_for, wait_until

TRIED = rates(100)
LOSSES = [2.3 if rate < 1e-4 else 0.5 if rate < 0.05 else 9.0 for rate in TRIED]
"""A valley from 1e-4 to 0.05."""
SIZES = [(60, 20), (120, 40)]


class Test:
    """Stands in for the range test: half of it comes at once, the rest when `more` is set."""

    __test__ = False

    def __init__(self, losses: list[float], problem: str = "") -> None:
        self.losses, self.problem = losses, problem
        self.configs: list[RunConfig] = []
        self.more = threading.Event()
        self.closed = threading.Event()

    def __call__(self, config: RunConfig) -> Iterator[JobReport]:
        self.configs.append(config)
        half = len(self.losses) // 2
        points = list(zip(TRIED.tolist(), self.losses, strict=False))
        try:
            yield JobReport("importing Keras", 0.0)
            if self.problem:
                raise RunError(self.problem)
            yield JobReport(f"step {half} of {len(points)}", 0.5, rates=tuple(points[:half]))
            assert self.more.wait(60)
            yield JobReport("step", 0.9, rates=tuple(points[half:]))
            yield JobReport("done", 1.0)
        finally:
            self.closed.set()


@pytest.fixture
def test(monkeypatch: pytest.MonkeyPatch) -> Test:
    found = Test(LOSSES)
    monkeypatch.setattr(search, "find_rate", found)
    return found


async def open_screen(pilot: Pilot[int]) -> None:
    """Open the screen from a field that takes letters."""
    await settled(pilot)
    await pilot.press("down", "f3")
    await wait_until(pilot, lambda: isinstance(pilot.app.screen, FindRateScreen), "the screen")


def rate_field(pilot: Pilot[int]) -> str:
    return pilot.app.screen.query_one(SettingsForm).texts()["learning_rate"]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_curve_grows_and_its_suggestion_goes_into_the_settings(size: tuple[int, int], test: Test) -> None:
    app = program()
    async with app.run_test(size=size) as pilot:
        await open_screen(pilot)
        await wait_for(pilot, "step 50 of 100")
        assert "1e-6" in text(app)
        assert "│ suggested" in text(app)
        assert "Take it" not in text(app), "nothing to take yet"
        test.more.set()
        await wait_for(pilot, "Suggested maximum: 0.0")
        await wait_for(pilot, "Take it")
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, HomeScreen), "the home screen")
        assert 0.003 < float(rate_field(pilot)) < 0.01
        assert test.configs[0].preset == "fast"


async def test_leaving_the_screen_ends_the_test_and_keeps_the_setting(test: Test) -> None:
    app = program()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        before = rate_field(pilot)
        await open_screen(pilot)
        await wait_for(pilot, "step 50 of 100")
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, HomeScreen), "the home screen")
        test.more.set()  # the next report
        await wait_until(pilot, test.closed.is_set, "the end of the process")
        assert rate_field(pilot) == before


@pytest.mark.parametrize(
    ("losses", "problem", "words"),
    [
        (LOSSES, "data 'x\x1b[2J' cannot be read: give another", "data 'x?[2J' cannot be read: give another"),
        ([2.3] * 100, "", "No suggestion: the loss hardly falls at any rate"),
    ],
    ids=["refused", "flat"],
)
async def test_without_a_suggestion_there_is_the_reason_and_nothing_to_take(
    losses: list[float], problem: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = Test(losses, problem)
    stand_in.more.set()
    monkeypatch.setattr(search, "find_rate", stand_in)
    app = program()
    async with app.run_test(size=(120, 40)) as pilot:
        await open_screen(pilot)
        await wait_for(pilot, words)
        assert "Take it" not in text(app)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, FindRateScreen)

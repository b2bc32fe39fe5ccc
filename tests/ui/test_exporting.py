"""Exports from the screens: the dialog of formats, and a picture of the screen."""

from pathlib import Path

import pytest
from textual.widgets import OptionList

from mnist_tui.export.formats import FORMATS
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.home.screen import HomeScreen
from mnist_tui.ui.shared.export_dialog import ExportDialog
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.program import program, settled, text, told, wait_until


@pytest.fixture
def app() -> MnistTuiApp:
    return program(recorded_run(), Clock(finishing_time()))


def exports(app: MnistTuiApp) -> Path:
    assert app.session is not None
    return app.session.run.path / "exports"


async def test_e_lists_the_formats_and_exports_the_chosen_one_or_names_the_reason(app: MnistTuiApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("e")
        await wait_until(pilot, lambda: isinstance(app.screen, ExportDialog), "the dialog")
        assert FORMATS[0].description in text(app)
        await pilot.press("down", "down", "enter")
        await wait_until(pilot, lambda: any("3 rows written to" in each for each in told(app)), "the notification")
        assert (exports(app) / FORMATS[2].file).is_file()
        await pilot.press("e")
        await wait_until(pilot, lambda: isinstance(app.screen, ExportDialog), "the dialog again")
        app.screen.query_one(OptionList).highlighted = [each.name for each in FORMATS].index("keras")
        await pilot.press("enter")
        await wait_until(pilot, lambda: any("has no model.keras" in each for each in told(app)), "the reason")


async def test_a_run_of_the_home_screen_is_exported(app: MnistTuiApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("0")
        await wait_until(
            pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.chosen_run is not None, "runs"
        )
        await pilot.press("tab", "e")
        await wait_until(pilot, lambda: isinstance(app.screen, ExportDialog), "the dialog")
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, HomeScreen), "home")


async def test_the_screen_is_saved_as_a_picture_that_stands_alone(app: MnistTuiApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+s", "2", "ctrl+s")
        await wait_until(pilot, lambda: (exports(app) / "screen-2.svg").exists(), "two pictures")
    first = (exports(app) / "screen.svg").read_text("utf-8")
    assert "brave-otter" in first
    assert "url(http" not in first
    assert "@font-face" not in first

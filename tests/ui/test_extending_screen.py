"""A screen is one entry in SCREENS: its number key, the footer, the help, the palette and navigation follow."""

from collections.abc import Iterator

import pytest
from textual.app import ComposeResult
from textual.widgets import Static

from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.screens import SCREENS, ScreenSpec
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.help import HelpScreen
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.program import program, settled, text


class ToyScreen(RunScreen):
    KEY_GROUPS = ("run", "steering", "screens", "everywhere")

    def compose_body(self) -> ComposeResult:
        yield Static("a toy screen")

    def show(self, view: RunView) -> None:
        pass


@pytest.fixture
def number() -> Iterator[str]:
    """Add a screen; return its number key."""
    SCREENS.append(ScreenSpec("toy", "Toy", "Show the toy", f"{__name__}:ToyScreen"))
    yield str(len(SCREENS))
    SCREENS.pop()


async def test_a_new_screen_is_reached_by_its_number_listed_and_found(number: str) -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(140, 40)) as pilot:
        await settled(pilot)
        assert f"{number} Toy" in text(app).splitlines()[-1]
        await pilot.press(number)
        await settled(pilot)
        assert isinstance(app.screen, ToyScreen)
        assert "a toy screen" in text(app)
        commands = {command.title: command.help for command in app.get_system_commands(app.screen)}
        assert commands["Toy"] == "Show the toy"
        await pilot.press("question_mark")
        await settled(pilot)
        assert isinstance(app.screen, HelpScreen)
        assert "Show the toy" in text(app)
        await pilot.press("escape", "1")
        await settled(pilot)
        assert app.screen is app.get_screen("training")

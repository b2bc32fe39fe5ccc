"""Layouts: one panel a page on a small terminal, nothing cut where it has room, nothing lost on a larger terminal."""

import re

from textual.pilot import Pilot
from textual.widgets import DataTable

from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.home.screen import HomeScreen
from mnist_tui.ui.shared.sized_screen import SizedScreen
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.compared import recorded
from tests.ui.program import lines, program, settled

SCREENS = (("1",), ("2",), ("3",), ("enter",), ("4",), ("5",), ("0",))
"""The keys from each screen to the next; the fourth is the screen of a digit."""
CUT = re.compile(r"\w…")
SHORTER = {"acc", "count", "under", "the"}
"""Words for which a larger terminal has longer ones."""
WORD = re.compile(r"[A-Za-z]{3,}|\d+(?:,\d{3})*(?:\.\d+)?")


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def resize(pilot: Pilot[int], size: tuple[int, int]) -> list[str]:
    """Resize the terminal and return its lines above the footer."""
    await pilot.resize_terminal(*size)
    await settled(pilot)
    return lines(pilot.app)[:-1]


async def test_nothing_is_cut_where_it_has_room_and_more_room_shows_more() -> None:
    recorded("paused-otter")
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(80, 24)) as pilot:
        for keys in SCREENS:
            await press(pilot, *keys)
            small = await resize(pilot, (80, 24))
            larger = await resize(pilot, (100, 30))
            for shown in (small, larger, await resize(pilot, (60, 20))):
                assert [line for line in shown if CUT.search(line)] == []
            missing = words_of(small[1:]) - words_of(larger) - SHORTER
            if keys in (("1",), ("0",)):
                missing = {word for word in missing if isinstance(word, str)}  # the plots have other ticks
            assert missing == set(), keys


def words_of(shown: list[str]) -> set[str | float]:
    """Return the words and numbers on a screen; 99.9 and 99.90 are one number."""
    found = (word for line in shown for word in WORD.findall(line))
    return {float(word.replace(",", "")) if word[0].isdigit() else word for word in found}


def panels(screen: SizedScreen) -> list[str]:
    """Return the selectors of the pages that are visible."""
    if isinstance(screen, DigitScreen):
        return [page for page in ("#left", "#prediction", "#epochs", "#neighbours", "#variants") if seen(screen, page)]
    return [page for page in screen.PAGES if seen(screen, page)]


def seen(screen: SizedScreen, page: str) -> bool:
    return any(widget.region.height > 0 and widget.is_on_screen for widget in screen.query(page) if widget.display)


SMALL = (40, 12)
FIRST = ("#plots, #start-up", "ConfusionMatrix", "", "#left", "#left", "ReliabilityPanel", "#runs")
"""The first page of each of SCREENS on a small terminal; the gallery is alone anyway."""


async def test_a_small_terminal_shows_one_panel_a_page_and_tab_turns_it() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=SMALL) as pilot:
        for keys, first in zip(SCREENS, FIRST, strict=True):
            await press(pilot, *keys)
            screen = app.screen
            assert isinstance(screen, SizedScreen)
            if not first:
                continue
            assert panels(screen) == [first]
            shown = []
            for _ in screen.pages:
                await press(pilot, "tab")
                shown += panels(screen)
            assert shown == [*dict.fromkeys(shown)], "one at a time, each once"
            assert len(shown) == len(screen.pages)
            assert shown[-1] == first
        assert isinstance(screen, HomeScreen)
        assert isinstance(app.focused, DataTable)
        await resize(pilot, (120, 40))
        assert panels(screen) == list(screen.PAGES), "all panels come back with the room"
        await press(pilot, "1", "tab")
        assert app.focused is not None
        assert app.focused.id == "layers"


async def test_a_whole_digit_fits_on_the_smallest_terminal_and_three_rows_on_a_large_one() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(40, 12)) as pilot:
        await press(pilot, "3")
        assert any("77.8 %" in line for line in lines(app))
        assert sum("━ never learned ━┛" in line for line in lines(app)) == 1
        large = await resize(pilot, (200, 60))
        assert sum(line.startswith(("┗", "╰")) for line in large) >= 3

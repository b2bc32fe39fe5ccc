"""Keys that work everywhere: quit, help, Esc, the moves of vi; and keys that mean nothing."""

from collections.abc import Callable

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, OptionList

from mnist_tui.ui.compare.choose_runs import ChooseRunsScreen
from mnist_tui.ui.confusion.matrix import ConfusionMatrix
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.home.screen import HomeScreen
from mnist_tui.ui.labels.issue_list import IssueList
from mnist_tui.ui.labels.screen import LabelsScreen
from mnist_tui.ui.shared.help import HelpScreen
from mnist_tui.ui.steering.choices import LeaveScreen
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run
from tests.ui.compared import recorded
from tests.ui.program import left, lines, program, settled, told
from tests.ui.steered import pause

SMALL = (80, 24)
UP: dict[str, tuple[str, ...]] = {
    "maximised plot": ("m",),
    "runs to compare": ("c",),
    "learning rate": ("l",),
    "kill": ("K",),
    "leave": ("ctrl+c",),
    "help": ("question_mark",),
    "reference": ("2", "c", "c"),
    "digits of a cell": ("2", "enter"),
    "filter": ("3", "slash"),
    "filters": ("3", "F"),
    "digit": ("3", "enter"),
    "classes": ("4", "R"),
    "calibration": ("5",),
}
"""The keys that lead from the training screen to another screen or a dialog, one level a key."""


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def footer(app: App[int]) -> str:
    return lines(app)[-1]


async def test_escape_goes_up_one_level(replay: Replay) -> None:
    replay.to_step(2_000)  # two epochs, to compare
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            for place, keys in UP.items():
                levels = [app.screen]
                for key in keys:
                    await pilot.press(key)
                    levels.append(app.screen)
                assert isinstance(levels[0], TrainingScreen), place
                for level in reversed(levels[:-1]):
                    if app.screen is not levels[0]:
                        await press(pilot, "escape")
                        assert app.screen is level, place
                await pilot.press("escape" if place == "maximised plot" else "f12")
            await press(pilot, "escape")
            assert isinstance(app.screen, HomeScreen)
            await press(pilot, "escape")
            assert app.screen is levels[0], "there is nothing above home: it goes back to the run"


async def test_help_and_quit_work_from_every_field() -> None:
    app = program()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        for field in ("preset", "epochs", "batch_size", "learning_rate", "optimizer", "seed", "data"):
            app.screen.query_one(f"#{field}").focus()
            await settled(pilot)
            is_text = field == "data"
            assert ("F1 Help" if is_text else "? Help") in footer(app)
            assert ("Ctrl+Q Quit" if is_text else " q Quit") in footer(app)
            await pilot.press("f1" if is_text else "question_mark")
            assert isinstance(app.screen, HelpScreen)
            await press(pilot, "escape")
        await pilot.press("ctrl+q")
        assert await left(app) == 0


async def test_a_field_takes_what_can_be_part_of_its_value() -> None:
    app = program()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        for field, typed, taken in (
            ("epochs", "1x2,0_", "12,0"),
            ("batch_size", "1-2.4", "124"),
            ("learning_rate", "1z.e-3 ", "1.e-3"),
            ("seed", "0x1f", "01"),
            ("data", "q? d", "q? d"),
        ):
            entry = app.screen.query_one(f"#{field}", Input)
            entry.focus()
            await settled(pilot)
            await pilot.press(*typed)
            assert entry.value == taken


@pytest.mark.parametrize("keys", [("ctrl+c",), ("3", "slash", "ctrl+c"), ("l", "ctrl+q")])
async def test_quitting_a_live_run_asks_and_a_second_time_leaves(replay: Replay, keys: tuple[str, ...]) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SMALL) as pilot:
            await press(pilot, *keys)
            assert isinstance(app.screen, LeaveScreen)
            await pilot.press(keys[-1])
            assert await left(app) == 0
        assert [request for request in engine.sent() if "Stop" in str(type(request))] == []


@pytest.mark.parametrize("size", [(40, 12), SMALL], ids=str)
async def test_the_footer_always_offers_quit_and_help_and_stop_while_paused(
    replay: Replay, size: tuple[int, int]
) -> None:
    pause(replay)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=size) as pilot:
            for screen in "123456":
                await press(pilot, screen)
                expected = ["q Quit", "? Help"] + (["p Continue", "s Stop"] if screen != "0" else [])
                expected += ["Tab Page"] if size != SMALL and screen in "1245" else []
                assert [words for words in expected if words not in footer(app)] == []
                assert screen == "0" or "‖ paused 00:00" in lines(app)[0]


def row(app: App[int]) -> int:
    return app.screen.query_one(DataTable).cursor_row


async def test_j_k_g_and_shift_g_move_in_every_list() -> None:
    lists: dict[tuple[str, ...], Callable[[], object]] = {
        ("tab",): lambda: app.screen.query_one("#layers", OptionList).highlighted,
        ("2",): lambda: app.screen.query_one(ConfusionMatrix).cursor,
        ("3",): lambda: app.screen.query_one(Gallery).cursor,
        ("3", "F"): lambda: app.screen.query_one(OptionList).highlighted,
        ("escape", "4"): lambda: app.screen.query_one(IssueList).cursor,
        ("4", "R"): lambda: app.screen.query_one(OptionList).highlighted,
        ("escape", "question_mark"): lambda: app.screen.query("VerticalScroll").first().scroll_offset.y,
        ("escape", "0", "tab"): lambda: row(app),
        ("space", "k", "space", "c"): lambda: row(app),
    }
    recorded("paused-otter")
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        for keys, position in lists.items():
            positions = []
            for key in (*keys, "g", "G", "k", "j"):
                await press(pilot, key)
                positions.append(position() if key not in keys else None)
            start, end, above, below = positions[-4:]
            assert start != end, keys
            assert above != end, keys
            assert below == end, keys


async def test_a_letter_moves_among_classes_only_if_none_begins_with_it() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=SMALL) as pilot:
        await press(pilot, "4", "R", "j", "3")
        assert isinstance(app.screen, LabelsScreen)


async def test_a_key_without_meaning_is_reported_once_however_long_it_is_held() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await settled(pilot)
        for _ in range(5):
            await pilot.press("I")
        await press(pilot, "p")
        assert told(app) == ["I: no meaning here; ? lists the keys", "p: Pause is not possible now; ? lists the keys"]


async def test_typing_tells_nothing() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await press(pilot, "3", "slash", "i", "q", "j", "k", "question_mark", "plus")
        assert "/ Filter" not in footer(app)
        assert "+ Add epoch" not in footer(app), "it would be typed"
        await press(pilot, "tab", "left", "backspace", "escape", "1", "c", *"zj")
        assert isinstance(app.screen, ChooseRunsScreen)
        assert told(app) == []

"""Keys of the app, on all screens."""

import re

import pytest
from textual.pilot import Pilot

from mnist_tui.control.client import origin
from mnist_tui.control.protocol import Stop
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.confusion.screen import ConfusionScreen
from mnist_tui.ui.digits.digit_list import MISTAKES
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.screen import DigitsScreen
from mnist_tui.ui.home.screen import HomeScreen
from mnist_tui.ui.keymap import keys_of
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.shared.help import HelpScreen
from mnist_tui.ui.steering.choices import LeaveScreen
from mnist_tui.ui.theme import DARK, LIGHT
from mnist_tui.ui.training.layer_table import QUANTITIES
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run
from tests.ui.program import left, lines, program, settled, text, told, wait_until

SIZE = (100, 34)
WAYS: dict[type, tuple[str, ...]] = {
    TrainingScreen: ("1",),
    ConfusionScreen: ("2",),
    DigitsScreen: ("3",),
    DigitScreen: ("3", "enter"),
    HelpScreen: ("1", "question_mark"),
    HomeScreen: ("0",),
}
"""The keys that lead to a screen from any screen of a run."""


def finished() -> MnistTuiApp:
    return program(recorded_run(), Clock(finishing_time()))


@pytest.fixture
def replay() -> Replay:
    """A run in its second epoch."""
    replay = Replay()
    replay.to_step(1_200)
    return replay


async def follow(pilot: Pilot[int], keys: tuple[str, ...]) -> None:
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def test_number_keys_go_to_the_screens_and_escape_goes_back() -> None:
    app = finished()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, TrainingScreen)
        for key, screen in (("2", ConfusionScreen), ("3", DigitsScreen), ("1", TrainingScreen), ("1", TrainingScreen)):
            await follow(pilot, (key,))
            assert isinstance(app.screen, screen)
        await follow(pilot, ("3", "enter"))
        assert isinstance(app.screen, DigitScreen)
        await follow(pilot, ("escape",))
        assert isinstance(app.screen, DigitsScreen)
        await follow(pilot, ("enter", "2"))
        assert isinstance(app.screen, ConfusionScreen)
        await follow(pilot, ("escape",))
        assert isinstance(app.screen, TrainingScreen)
        await follow(pilot, ("escape",))
        assert isinstance(app.screen, HomeScreen)
        assert "Esc Back" in lines(app)[-1]
        await follow(pilot, ("escape",))
        assert isinstance(app.screen, TrainingScreen)
        await follow(pilot, ("0",))
        assert isinstance(app.screen, HomeScreen)


async def test_a_cell_of_the_matrix_opens_its_digits_and_escape_leads_back_to_it() -> None:
    app = finished()
    async with app.run_test(size=SIZE) as pilot:
        await follow(pilot, ("2", "enter"))
        digits = app.screen
        assert isinstance(digits, DigitsScreen)
        assert digits.wanted != MISTAKES
        await follow(pilot, ("escape",))
        assert isinstance(app.screen, ConfusionScreen)
        await follow(pilot, ("3",))
        assert digits.wanted == MISTAKES


async def test_escape_on_the_home_screen_of_a_fresh_app_stays() -> None:
    app = program()
    async with app.run_test(size=SIZE) as pilot:
        await follow(pilot, ("escape", "escape"))
        assert isinstance(app.screen, HomeScreen)
        assert "Esc Back" not in text(app)


async def test_quitting_a_finished_run_leaves_at_once() -> None:
    app = finished()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("q")
        assert await left(app) == 0


async def test_quitting_a_crashed_run_tells_the_shell(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("q")
        assert await left(app) == 1


async def test_quitting_the_home_screen_leaves_at_once() -> None:
    app = program()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("q")
        assert await left(app) == 0


@pytest.mark.parametrize("keys", [("q", "escape"), ("q", "down", "down", "enter")])
async def test_quitting_while_training_can_be_cancelled(replay: Replay, keys: tuple[str, ...]) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await follow(pilot, keys[:1])
            assert isinstance(app.screen, LeaveScreen)
            assert "brave-otter is still training" in text(app)
            await follow(pilot, keys[1:])
            assert isinstance(app.screen, TrainingScreen)
            assert app.is_running
        assert engine.sent() == []


@pytest.mark.parametrize("keys", [("q",), ("down", "enter")])
async def test_quitting_while_training_can_leave_the_run_alone(replay: Replay, keys: tuple[str, ...]) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await follow(pilot, ("q",))
            await pilot.press(*keys)
            assert await left(app) == 0
        assert engine.sent() == []


@pytest.mark.parametrize("keys", [("s",), ("enter",)])
async def test_quitting_while_training_can_stop_the_run_and_then_leaves(replay: Replay, keys: tuple[str, ...]) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await follow(pilot, ("q",))
            await pilot.press(*keys)
            await wait_until(pilot, lambda: bool(engine.sent()), "a request")
            await settled(pilot)
            assert engine.sent() == [Stop(by=origin("screen"))]
            assert any("tops after this batch" in words for words in told(app))
            replay.to_the_end()
            assert await left(app) == 0


async def test_s_stops_the_run_and_stays(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await follow(pilot, ("2", "s"))
            await wait_until(pilot, lambda: bool(engine.sent()), "a request")
            replay.to_the_end()
            await wait_until(pilot, lambda: "✔ finished" in lines(app)[0], "the end")
            assert engine.sent() == [Stop(by=origin("screen"))]
            assert app.is_running


async def test_an_engine_that_refuses_is_shown_and_the_app_stays(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        engine.reply = b'{"ok":false,"error":"it is over"}\n'
        async with app.run_test(size=SIZE) as pilot:
            await follow(pilot, ("q", "s"))
            await wait_until(pilot, lambda: any("it is over" in words for words in told(app)), "the refusal")
            replay.to_the_end()
            await wait_until(pilot, lambda: "✔ finished" in lines(app)[0], "the end")
            assert app.is_running


async def test_help_lists_the_keys_of_the_screen_in_front() -> None:
    app = finished()
    async with app.run_test(size=(120, 80)) as pilot:
        for front in (DigitScreen, ConfusionScreen, HomeScreen):
            await follow(pilot, WAYS[front])
            groups = app.screen.KEY_GROUPS if isinstance(app.screen, RunScreen | HomeScreen) else ()
            await follow(pilot, ("question_mark",))
            assert isinstance(app.screen, HelpScreen)
            words = " ".join(text(app).split())
            assert [key.label for group in groups for key in keys_of(group) if key.label not in words] == []
            assert len(groups) > 2
            await follow(pilot, ("question_mark",))
            assert isinstance(app.screen, front)


@pytest.mark.parametrize(
    ("front", "words"),
    [
        (
            TrainingScreen,
            [
                *(quantity.heading for quantity in QUANTITIES),
                "slowed by other processes",
                "label smoothing",
                "run, by time",
            ],
        ),
        (DigitsScreen, ["difficulty", "margin", "label issue", "◇"]),
        (DigitScreen, ["difficulty", "◇"]),
    ],
)
async def test_help_explains_the_words_of_the_screen_in_front(front: type, words: list[str]) -> None:
    app = finished()
    async with app.run_test(size=(120, 100)) as pilot:
        await settled(pilot)
        await follow(pilot, (*WAYS[front], "question_mark"))
        for word in words:
            assert re.search(rf"│ +{re.escape(word)}: \S+ \S+ \S+", text(app)), word


async def test_d_changes_the_theme_there_and_back() -> None:
    app = finished()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert app.theme == DARK.name
        await pilot.press("d")
        assert app.theme == LIGHT.name
        await pilot.press("d")
        assert app.theme == DARK.name


@pytest.mark.parametrize("front", WAYS, ids=lambda each: each.__name__)
async def test_no_key_pressed_twice_is_a_crash(replay: Replay, front: type) -> None:
    """The screen's own keys, and some of no meaning; the ones that all screens share are pressed on one of them."""
    groups = getattr(front, "KEY_GROUPS", ("help",))[: None if front is TrainingScreen else -4]
    keys = {one for group in groups for key in keys_of(group) for one in key.keys.split(",")}
    app = program(replay.run, replay.clock, launch=lambda _: replay.run)
    with FakeEngine(replay.run):
        async with app.run_test(size=(80, 24)) as pilot:
            for key in [*sorted(keys - {"q"}), "0", "ctrl+z"]:
                if not isinstance(app.screen, front):
                    await back_to_a_run_screen(pilot)
                    await pilot.press(*WAYS[front])
                app.simulate_key(key)
                await pilot.press(key)
            await back_to_a_run_screen(pilot)
            assert "brave-otter" in lines(app)[0]


async def back_to_a_run_screen(pilot: Pilot[int]) -> None:
    """Leave dialogs, help and home."""
    while isinstance(pilot.app.screen, LeaveScreen | HelpScreen | HomeScreen):
        await pilot.press("escape")


@pytest.mark.parametrize("screen", ["training", "confusion"])
async def test_a_program_that_is_told_to_leave_while_a_screen_is_made_leaves_without_an_error(
    replay: Replay, screen: str
) -> None:
    app = program(clock=replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            app.open_run(replay.run)
            app.action_view(screen)
            app.exit(return_code=129)
    assert app.return_code == 129


async def test_a_damaged_run_is_shown_and_the_home_screen_stays() -> None:
    run = recorded_run()
    run.config_path.write_bytes(b"{")
    app = program(run)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert any("cannot be read" in words for words in told(app))

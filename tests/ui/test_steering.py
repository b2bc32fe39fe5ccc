"""Steering from the screen: each key asks the engine for one thing, is offered only when it works, and never waits."""

import re

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from mnist_tui.control.protocol import (
    AnyRequest,
    Continue,
    Pause,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    Step,
    Stop,
)
from mnist_tui.events import EndReason, Phase, PhaseChanged, RunEnded, SettingChanged
from mnist_tui.ui.confusion.screen import ConfusionScreen
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.screen import DigitsScreen
from mnist_tui.ui.keymap import KEYMAP, SHARED, steering_keys
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.steering.early_stopping import EarlyStoppingScreen
from mnist_tui.ui.steering.learning_rate import LearningRateScreen
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Replay
from tests.ui.program import lines, program, settled, text, told, wait_for, wait_until
from tests.ui.steered import ME, SIZE, asks, offered, pause

STEERING = {key.action for key in KEYMAP["steering"]}


ASKED: list[tuple[tuple[str, ...], AnyRequest]] = [
    (("p",), Pause(by=ME)),
    (("full_stop",), Step(by=ME)),
    (("plus",), SetEpochs(by=ME, change=1)),
    (("minus",), SetEpochs(by=ME, change=-1)),
    (("s",), Stop(by=ME)),
    (("c",), SaveCheckpoint(by=ME)),
    (("K", "k"), Stop(by=ME, now=True)),
    (("b", "b"), RollBack(by=ME)),
    (("l", "up", "enter"), SetLearningRate(by=ME, value=0.02)),
    (("l", "down", "down", "enter"), SetLearningRate(by=ME, value=0.0025)),
    (("l", *"0.003", "enter"), SetLearningRate(by=ME, value=0.003)),
    (("e", "right", "enter"), SetEarlyStopping(by=ME, rule="loss:3")),
    (("e", "right", "right", "down", *"12", "enter"), SetEarlyStopping(by=ME, rule="accuracy:12")),
]


@pytest.mark.parametrize(
    ("keys", "request_made"), ASKED, ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
async def test_a_key_asks_for_one_thing(replay: Replay, keys: tuple[str, ...], request_made: AnyRequest) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            for key in keys:
                await pilot.press(key)
                await settled(pilot)
            await asks(pilot, engine, request_made)
            assert engine.watchers == [ME]


async def test_the_keys_work_on_all_screens_of_the_run(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            for keys in (("2", "p"), ("3", "p"), ("enter", "p")):
                for key in keys:
                    await pilot.press(key)
                    await settled(pilot)
            await asks(pilot, engine, *3 * [Pause(by=ME)])


@pytest.mark.parametrize(
    "keys",
    [
        ("K", "c"),
        ("K", "enter"),
        ("b", "escape"),
        ("b", "enter"),
        ("l", "escape"),
        ("l", "enter"),
        ("e", "escape"),
        ("e", "enter"),
    ],
)
async def test_what_was_not_meant_asks_for_nothing(replay: Replay, keys: tuple[str, ...]) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            for key in keys:
                await pilot.press(key)
                await settled(pilot)
            assert isinstance(app.screen, TrainingScreen)
            assert engine.asked() == []


async def test_a_paused_run_says_so_and_its_key_goes_on(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            assert "p Pause" in lines(app)[-1]
            pause(replay)
            replay.clock.now += 12
            await wait_until(pilot, lambda: "‖ paused 00:12" in lines(app)[0], "the pause with its seconds")
            await wait_until(pilot, lambda: "p Go on" in lines(app)[-1], "the way on")
            assert "p Pause" not in lines(app)[-1]
            await pilot.press("p")
            await asks(pilot, engine, Continue(by=ME))
            replay.write(PhaseChanged(time=replay.clock.now, phase=Phase.TRAINING))
            await wait_until(pilot, lambda: "▶ training" in lines(app)[0], "the training again")


async def test_a_refusal_is_told_in_the_engines_words(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        engine.answer = b'{"ok":false,"error":"[not] now: \\u001b[2J the run is paused already"}\n'
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await settled(pilot)
            await pilot.press("p")
            await wait_until(pilot, lambda: bool(told(app)), "the refusal")
            assert "refused: [not] now: ?[2J the run is paused already" in told(app)[0]
            await wait_for(pilot, "?[2J the run is")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("11", "give a number from 1e-08 to 10"),
        ("x", "'x' cannot be used"),
        ("nan", "cannot be used"),
        ("-1", "cannot be used"),
    ],
)
async def test_a_learning_rate_is_checked_as_it_is_typed(replay: Replay, typed: str, reason: str) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            await pilot.press("l")
            await settled(pilot)
            assert isinstance(app.screen, LearningRateScreen)
            assert "Peak of the schedule: 0.01 " in text(app)
            await pilot.press(*typed)
            await settled(pilot)
            assert reason in " ".join(text(app).replace("│", " ").split())
            await pilot.press("enter")
            await settled(pilot)
            assert isinstance(app.screen, LearningRateScreen)
            assert app.screen.query_one(Input).value == typed
        assert engine.asked() == []


async def test_a_patience_that_cannot_be_used_is_refused(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            await pilot.press("e", "right", "down", "0", "enter")
            await settled(pilot)
            assert isinstance(app.screen, EarlyStoppingScreen)
            assert "cannot be used" in text(app)
        assert engine.asked() == []


async def test_the_present_rule_stands_in_the_dialog(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            replay.write(
                SettingChanged(time=replay.clock.now, setting="early_stopping", value="loss:7", by="ada", step=1_200)
            )
            await wait_for(pilot, "early stopping: loss:7, by ada")
            await pilot.press("e")
            await wait_for(pilot, "The run ends after 7 epochs in a row without a lower validation loss.")


async def test_only_what_works_is_offered(replay: Replay) -> None:
    always = {"roll_back", "learning_rate", "early_stopping", "more_epochs", "checkpoint", "kill"}
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            assert offered(app) == always | {"pause", "step", "stop", "fewer_epochs"}
            now = replay.clock.now
            replay.write(SettingChanged(time=now, setting="stop", value="after this batch", by="ada", step=1_200))
            await wait_until(pilot, lambda: "stop" not in offered(app), "no second stop")
            replay.write(PhaseChanged(time=now, phase=Phase.TESTING))
            await wait_until(pilot, lambda: offered(app) == {"kill"}, "nothing but to kill")
            replay.write(RunEnded(time=now, reason=EndReason.STOPPED))
            await wait_until(pilot, lambda: offered(app) == {"resume", "more_epochs"}, "ways on")
            await wait_until(pilot, lambda: "r Resume" in lines(app)[-1], "the way on in the footer")
            assert "Stop" not in lines(app)[-1]
            for key in ("p", "full_stop", "minus", "s", "c", "K", "l", "e", "b"):
                await pilot.press(key)
                await settled(pilot)
                assert isinstance(app.screen, TrainingScreen)
            assert engine.asked() == []


async def test_an_ensemble_is_offered_nothing_that_it_refuses(replay: Replay) -> None:
    recorded = replay.run.record()
    replay.run.write_record(replace(recorded, config=replace(recorded.config, ensemble="2")))
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            assert offered(app) == {"roll_back", "learning_rate", "checkpoint", "kill", "pause", "step", "stop"}
            for key in ("plus", "minus", "e"):
                await pilot.press(key)
                await settled(pilot)
                assert isinstance(app.screen, TrainingScreen)
            assert engine.asked() == []


@pytest.mark.parametrize("size", [(40, 24), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("way", [("1",), ("2",), ("3",), ("3", "enter")])
async def test_the_footer_never_overflows_and_always_leads_to_the_help(
    replay: Replay, size: tuple[int, int], way: tuple[str, ...]
) -> None:
    pause(replay)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            for key in way:
                await pilot.press(key)
                await settled(pilot)
            assert re.search(r"\? Help *$", lines(app)[-1])
            if size[0] >= 80 and way == ("1",):
                assert "p Go on" in lines(app)[-1]


async def test_the_footer_follows_the_width(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            assert "Step" not in lines(app)[-1]
            await pilot.resize_terminal(200, 60)
            await wait_until(pilot, lambda: ". Step" in lines(app)[-1], "more keys")
            await pilot.resize_terminal(80, 24)
            await wait_until(pilot, lambda: "Step" not in lines(app)[-1], "fewer keys")
            assert lines(app)[-1].rstrip().endswith("? Help")


@pytest.mark.parametrize("screen", [ConfusionScreen, DigitsScreen, DigitScreen])
def test_no_screen_takes_a_key_that_matters(screen: type[RunScreen]) -> None:
    """Compare and export may go before a checkpoint and early stopping; what holds or ends a run is the same key."""
    assert {key.action for key in steering_keys(screen.KEY_GROUPS)} >= STEERING - {"checkpoint", "early_stopping"}


def test_a_key_that_the_screen_has_itself_does_not_steer() -> None:
    groups = ("travel", "confusion", *SHARED)
    own = {one for group in groups[:2] for key in KEYMAP[group] for one in key.keys.split(",")}
    assert all(own.isdisjoint(key.keys.split(",")) for key in steering_keys(groups))
    assert {key.action for key in steering_keys(SHARED)} == STEERING

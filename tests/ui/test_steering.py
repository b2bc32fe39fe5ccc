"""Steering from the screens: each key sends one request, and is available only while it works."""

import re

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from mnist_tui.control.protocol import (
    Continue,
    Pause,
    Request,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    Step,
    Stop,
)
from mnist_tui.events import EndReason, Phase, PhaseChanged, RunEnded, SettingChanged
from mnist_tui.ui.keymap import KEYMAP
from mnist_tui.ui.steering.early_stopping import EarlyStoppingScreen
from mnist_tui.ui.steering.learning_rate import LearningRateScreen
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit.recording import Replay
from tests.ui.program import lines, text, told, wait_for, wait_until
from tests.ui.steered import ME, available, expect_requests, live, pause, press

STEERING = {key.action for key in KEYMAP["steering"]}
SENT: dict[str, Request] = {
    "p": Pause(by=ME),
    "full_stop": Step(by=ME),
    "plus": SetEpochs(by=ME, change=1),
    "minus": SetEpochs(by=ME, change=-1),
    "s": Stop(by=ME),
    "w": SaveCheckpoint(by=ME),
    "K up enter": Stop(by=ME, now=True),
    "b b": RollBack(by=ME),
    "l up enter": SetLearningRate(by=ME, value=0.02),
    "l down down enter": SetLearningRate(by=ME, value=0.0025),
    "l 0 full_stop 0 0 3 enter": SetLearningRate(by=ME, value=0.003),
    "E right enter": SetEarlyStopping(by=ME, rule="loss:3"),
    "E right right down 1 2 enter": SetEarlyStopping(by=ME, rule="accuracy:12"),
}


@pytest.mark.parametrize("keys", SENT)
async def test_a_key_sends_one_request(replay: Replay, keys: str) -> None:
    async with live(replay) as (_, pilot, engine):
        await press(pilot, *keys.split())
        await expect_requests(pilot, engine, SENT[keys])
        assert engine.viewers == [ME]


async def test_the_keys_work_on_all_screens_of_the_run(replay: Replay) -> None:
    async with live(replay) as (_, pilot, engine):
        await press(pilot, "2", "p", "3", "p", "enter", "p")
        await expect_requests(pilot, engine, *3 * [Pause(by=ME)])


@pytest.mark.parametrize(
    "keys", ["K escape", "K enter", "b escape", "b enter", "l escape", "l enter", "E escape", "E enter"]
)
async def test_a_cancelled_dialog_sends_nothing(replay: Replay, keys: str) -> None:
    async with live(replay) as (app, pilot, engine):
        await press(pilot, *keys.split())
        assert isinstance(app.screen, TrainingScreen)
        assert engine.sent() == []


async def test_a_paused_run_is_continued_with_the_same_key(replay: Replay) -> None:
    async with live(replay) as (app, pilot, engine):
        assert "p Pause" in lines(app)[-1]
        pause(replay)
        replay.clock.now += 12
        await wait_until(pilot, lambda: "‖ paused 00:12" in lines(app)[0], "the pause with its seconds")
        await wait_until(pilot, lambda: "p Continue" in lines(app)[-1], "the key")
        assert "p Pause" not in lines(app)[-1]
        await pilot.press("p")
        await expect_requests(pilot, engine, Continue(by=ME))
        replay.write(PhaseChanged(time=replay.clock.now, phase=Phase.TRAINING))
        await wait_until(pilot, lambda: "▶ training" in lines(app)[0], "the training again")


async def test_a_rejection_is_notified(replay: Replay) -> None:
    reply = b'{"ok":false,"error":"[not] now: \\u001b[2J the run is paused already"}\n'
    async with live(replay, notifications=True, reply=reply) as (app, pilot, _):
        await pilot.press("p")
        await wait_until(pilot, lambda: bool(told(app)), "the notification")
        assert ": [not] now: ?[2J the run is paused already" in told(app)[0]
        await wait_for(pilot, "?[2J the run is")


@pytest.mark.parametrize("typed", ["11", "e", "1e-", "-1"])
async def test_an_invalid_learning_rate_is_an_error(replay: Replay, typed: str) -> None:
    async with live(replay) as (app, pilot, engine):
        await press(pilot, "l")
        assert ": 0.01 " in text(app)
        await press(pilot, *typed, "enter")
        assert isinstance(app.screen, LearningRateScreen)
        assert f"'{typed}' cannot be used" in text(app)
        assert app.screen.query_one(Input).value == typed
        assert engine.sent() == []


async def test_an_invalid_patience_is_an_error(replay: Replay) -> None:
    async with live(replay) as (app, pilot, engine):
        await press(pilot, "E", "right", "down", "0", "enter")
        assert isinstance(app.screen, EarlyStoppingScreen)
        assert "cannot be used" in text(app)
        assert engine.sent() == []


async def test_the_dialog_shows_the_current_rule(replay: Replay) -> None:
    async with live(replay) as (_, pilot, _):
        changed = SettingChanged(time=replay.clock.now, setting="early_stopping", value="loss:7", by="ada", step=1_200)
        replay.write(changed)
        await wait_for(pilot, "early stopping: loss:7, by ada")
        await pilot.press("E")
        await wait_for(pilot, "7 epochs in a row")


async def test_only_keys_that_work_are_available(replay: Replay) -> None:
    always = {"rollback", "learning_rate", "early_stopping", "add_epoch", "checkpoint", "kill"}
    async with live(replay) as (app, pilot, engine):
        assert available(app) == always | {"pause", "step", "stop", "remove_epoch"}
        now = replay.clock.now
        replay.write(SettingChanged(time=now, setting="stop", value="after this batch", by="ada", step=1_200))
        await wait_until(pilot, lambda: "stop" not in available(app), "no second stop")
        replay.write(PhaseChanged(time=now, phase=Phase.TESTING))
        await wait_until(pilot, lambda: available(app) == {"kill"}, "nothing but to kill")
        replay.write(RunEnded(time=now, reason=EndReason.STOPPED))
        await wait_until(pilot, lambda: available(app) == {"resume", "add_epoch"}, "the keys of an ended run")
        await wait_until(pilot, lambda: "r Resume" in lines(app)[-1], "the key in the footer")
        assert "Stop" not in lines(app)[-1]
        await press(pilot, "p", "full_stop", "minus", "s", "w", "K", "l", "E", "b")
        assert isinstance(app.screen, TrainingScreen)
        assert engine.sent() == []


async def test_an_ensemble_has_no_key_that_it_rejects(replay: Replay) -> None:
    recorded = replay.run.record()
    replay.run.write_record(replace(recorded, config=replace(recorded.config, ensemble="2")))
    async with live(replay) as (app, pilot, engine):
        assert available(app) == {"rollback", "learning_rate", "checkpoint", "kill", "pause", "step", "stop"}
        await press(pilot, "plus", "minus", "E")
        assert isinstance(app.screen, TrainingScreen)
        assert engine.sent() == []


@pytest.mark.parametrize("size", [(40, 24), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("keys", ["1", "2", "3", "3 enter"])
async def test_the_footer_always_fits_and_leads_to_the_help(replay: Replay, size: tuple[int, int], keys: str) -> None:
    pause(replay)
    async with live(replay, size) as (app, pilot, _):
        await press(pilot, *keys.split())
        assert re.search(r"\? Help *$", lines(app)[-1])
        if size[0] >= 80 and keys == "1":
            assert "p Continue" in lines(app)[-1]


async def test_the_footer_follows_the_width(replay: Replay) -> None:
    async with live(replay, (80, 24)) as (app, pilot, _):
        assert "Step" not in lines(app)[-1]
        await pilot.resize_terminal(200, 60)
        await wait_until(pilot, lambda: ". Step" in lines(app)[-1], "more keys")
        await pilot.resize_terminal(80, 24)
        await wait_until(pilot, lambda: "Step" not in lines(app)[-1], "fewer keys")
        assert lines(app)[-1].rstrip().endswith("? Help")

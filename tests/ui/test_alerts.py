"""Alerts on every screen, decisions about a diverged loss, and viewers that attach."""

import os
from pathlib import Path

import pytest

from mnist_tui.control.protocol import Continue, Request, RollBack, Stop
from mnist_tui.events import AlertKind, AlertRaised, Phase, PhaseChanged, ResumeReason, RunResumed
from mnist_tui.runs.liveness import Endpoint, write_endpoint
from mnist_tui.runs.status import Status
from mnist_tui.ui.run.alert_banner import dismissible
from mnist_tui.ui.session import RunSession
from mnist_tui.ui.steering.choices import DivergedScreen
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit import samples
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run
from tests.ui.program import lines, program, settled, text, wait_for, wait_until
from tests.ui.steered import ME, SIZE, available, diverge, expect_requests, live, press


async def test_an_alert_is_shown_until_it_is_hidden(replay: Replay) -> None:
    async with live(replay) as (app, pilot, _):
        before = lines(app)
        for kind, words in ((AlertKind.SPIKE, "the loss [red]jumped\x1b[2J"), (AlertKind.PLATEAU, "no better epoch")):
            replay.write(AlertRaised(time=replay.clock.now, kind=kind, text=words, step=1_200, epoch=2))
            await wait_until(pilot, lambda: "⚠" in lines(app)[1], "the alert")
            await settled(pilot)
            assert words.replace("\x1b", "?") in lines(app)[1]
            await pilot.press("escape")
            await wait_until(pilot, lambda: "⚠" not in lines(app)[1], "no alert")
            assert isinstance(app.screen, TrainingScreen)
        assert len(before) == len(lines(app))
        await press(pilot, "2")
        assert "⚠" not in lines(app)[1]
        await press(pilot, "escape")
        assert isinstance(app.screen, TrainingScreen)


async def test_a_save_error_is_shown_while_it_lasts(replay: Replay) -> None:
    error = "not saved: checkpoint (No space left on device)"
    reply = b'{"ok":true,"trouble":"%s"}\n' % error.encode()
    async with live(replay, (80, 24), reply=reply) as (app, pilot, _):
        await wait_until(pilot, lambda: "⚠ not saved" in lines(app)[0], "the error in the header")
        await wait_until(pilot, lambda: error in lines(app)[1], "the error in the banner")
        await pilot.press("escape")
        await wait_until(pilot, lambda: "No space" not in lines(app)[1], "no line")
        assert "⚠ not saved" in lines(app)[0]


def test_what_the_last_engine_could_not_save_is_shown_of_a_crashed_run(replay: Replay) -> None:
    replay.run.lock.path.touch()  # if it is missing beside fresh events, an engine may make it again
    lock = replay.run.lock.acquire()
    write_endpoint(lock, Endpoint(0, save_error="not saved: model.keras"))
    os.close(lock)
    session = RunSession(replay.run)
    session.poll()
    assert (session.view.status, session.view.save_error) == (Status.CRASHED, "not saved: model.keras")


async def test_a_run_whose_directory_vanishes_is_still_training(replay: Replay, tmp_path: Path) -> None:
    async with live(replay) as (app, pilot, engine):
        await wait_until(pilot, lambda: engine.viewers == [ME], "the attachment")
        assert app.session is not None
        attachment = app.session._attachment
        assert attachment is not None
        await wait_until(pilot, lambda: attachment.alive, "a reply")
        replay.run.path.rename(tmp_path / "elsewhere")
        replay.clock.now += 5
        app.session.recheck_engine()
        await settled(pilot)
        assert "▶ training" in lines(app)[0]


@pytest.mark.parametrize(("key", "sent"), [("b", RollBack(by=ME)), ("p", Continue(by=ME)), ("s", Stop(by=ME))])
async def test_a_divergence_asks_for_a_decision_that_is_sent(replay: Replay, key: str, sent: Request) -> None:
    async with live(replay) as (app, pilot, engine):
        diverge(replay)
        await wait_until(pilot, lambda: isinstance(app.screen, DivergedScreen), "the dialog")
        await settled(pilot)
        assert "the loss is NaN" in text(app)
        await pilot.press(key)
        await expect_requests(pilot, engine, sent)
        assert isinstance(app.screen, TrainingScreen)


async def test_a_divergence_can_be_decided_later(replay: Replay) -> None:
    diverge(replay)
    async with live(replay) as (app, pilot, engine):
        await wait_until(pilot, lambda: isinstance(app.screen, DivergedScreen), "the dialog")
        await press(pilot, "escape")
        replay.clock.now += 30
        await wait_until(pilot, lambda: "00:30" in lines(app)[0], "time to pass")
        assert isinstance(app.screen, TrainingScreen)
        assert "b decide" in lines(app)[1]
        assert {"pause", "continue", "step"}.isdisjoint(available(app))
        await press(pilot, "b")
        assert isinstance(app.screen, DivergedScreen)
        assert engine.sent() == []


async def test_the_dialog_closes_when_another_viewer_decides(replay: Replay) -> None:
    diverge(replay)
    async with live(replay) as (app, pilot, _):
        await wait_until(pilot, lambda: isinstance(app.screen, DivergedScreen), "the dialog")
        now = replay.clock.now
        replay.write(PhaseChanged(time=now, phase=Phase.TRAINING))
        replay.write(RunResumed(time=now, reason=ResumeReason.ROLLED_BACK, step=860, epoch=1, by="bob"))
        await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the training screen")
        await wait_for(pilot, "rolled back at step 860, by bob")
        assert "⚠" not in lines(app)[1]


async def test_a_divergence_without_a_decision_is_only_shown(replay: Replay) -> None:
    async with live(replay) as (app, pilot, _):
        diverge(replay, awaits_decision=False)
        await wait_until(pilot, lambda: "the loss is NaN" in lines(app)[1], "the alert")
        assert isinstance(app.screen, TrainingScreen)


@pytest.mark.parametrize("ends", [True, False])
async def test_the_advice_of_an_alert_is_for_a_live_run(replay: Replay, ends: bool) -> None:
    diverge(replay, awaits_decision=not ends)
    if ends:
        replay.write(samples.run_ended(time=replay.clock.now))  # else it crashes while it awaits a decision
    app = program(replay.run, replay.clock)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "⚠" not in lines(app)[1]
        assert app.session is not None
        assert not dismissible(app.session.view, set())
        assert "the loss is NaN" in text(app)  # among the events


async def test_a_viewer_attaches_until_the_program_ends(replay: Replay) -> None:
    async with live(replay) as (app, pilot, engine):
        await wait_until(pilot, lambda: engine.viewers == [ME], "the attachment")
        assert app.session is not None
        attachment = app.session._attachment
        await press(pilot, "0")
        assert engine.viewers == [ME]
    assert attachment is not None
    assert attachment._closed.is_set()


async def test_an_ended_run_has_no_attachment() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert app.session is not None
        assert app.session._attachment is None

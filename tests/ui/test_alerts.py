"""What is wrong is said on every screen, what must be decided is asked, and the engine hears who watches."""

from pathlib import Path

from mnist_tui.control.protocol import Continue, RollBack, Stop
from mnist_tui.events import AlertKind, AlertRaised, Phase, PhaseChanged, ResumeReason, RunResumed
from mnist_tui.ui.home.screen import HomeScreen
from mnist_tui.ui.steering.confirmations import DivergedScreen
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run
from tests.ui.program import lines, program, settled, text, wait_for, wait_until
from tests.ui.steered import ME, SIZE, asks, diverge, offered


async def test_an_alert_is_a_line_until_it_is_put_away_and_the_next_one_shows(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            before = lines(app)
            for kind, words in (
                (AlertKind.SPIKE, "the loss [red]jumped\x1b[2J"),
                (AlertKind.PLATEAU, "no better epoch"),
            ):
                now = replay.clock.now
                replay.write(AlertRaised(time=now, kind=kind, text=words, step=1_200, epoch=2))
                await wait_until(pilot, lambda: "⚠" in lines(app)[1], "the alert")
                await settled(pilot)
                assert words.replace("\x1b", "?") in lines(app)[1]
                await pilot.press("escape")
                await wait_until(pilot, lambda: "⚠" not in lines(app)[1], "no alert")
                assert isinstance(app.screen, TrainingScreen)
            assert len(before) == len(lines(app))
            await pilot.press("2")
            await settled(pilot)
            assert "⚠" not in lines(app)[1]
            await pilot.press("escape")
            await settled(pilot)
            assert isinstance(app.screen, HomeScreen)


async def test_what_cannot_be_saved_is_told_as_long_as_it_lasts(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        engine.answer = b'{"ok":true,"trouble":"not saved: checkpoint (No space left on device)"}\n'
        async with app.run_test(size=(80, 24)) as pilot:
            await wait_until(pilot, lambda: "⚠ not saved" in lines(app)[0], "the trouble in the header")
            words = "not saved: checkpoint (No space left on device)"
            await wait_until(pilot, lambda: words in lines(app)[1], "the trouble in the line under it")
            await pilot.press("escape")
            await wait_until(pilot, lambda: "No space" not in lines(app)[1], "no line")
            assert "⚠ not saved" in lines(app)[0]


async def test_a_run_whose_directory_vanished_goes_on(replay: Replay, tmp_path: Path) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await wait_until(pilot, lambda: engine.watchers == [ME], "the attachment")
            assert app.session is not None
            attachment = app.session._attachment
            assert attachment is not None
            await wait_until(pilot, lambda: attachment.alive, "an answer")
            replay.run.path.rename(tmp_path / "elsewhere")
            replay.clock.now += 5
            app.session.look_again()
            await settled(pilot)
            assert "▶ training" in lines(app)[0]


async def test_a_divergence_asks_by_itself_and_each_answer_goes_out(replay: Replay) -> None:
    for key, request_made in (("b", RollBack(by=ME)), ("g", Continue(by=ME)), ("s", Stop(by=ME))):
        app = program(replay.run, replay.clock)
        with FakeEngine(replay.run) as engine:
            async with app.run_test(size=SIZE) as pilot:
                await settled(pilot)
                diverge(replay)
                await wait_until(pilot, lambda app=app: isinstance(app.screen, DivergedScreen), "the question")  # type: ignore[misc]
                await settled(pilot)
                assert "the loss is NaN" in text(app)
                await pilot.press(key)
                await asks(pilot, engine, request_made)
                assert isinstance(app.screen, TrainingScreen)
        replay.write(PhaseChanged(time=replay.clock.now, phase=Phase.TRAINING))


async def test_a_divergence_can_be_decided_later(replay: Replay) -> None:
    diverge(replay)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await wait_until(pilot, lambda: isinstance(app.screen, DivergedScreen), "the question")
            await pilot.press("escape")
            await settled(pilot)
            replay.clock.now += 30
            await wait_until(pilot, lambda: "00:30" in lines(app)[0], "time to pass")
            assert isinstance(app.screen, TrainingScreen)
            assert "b decide" in lines(app)[1]
            assert {"pause", "go_on", "step"}.isdisjoint(offered(app))
            await pilot.press("b")
            await settled(pilot)
            assert isinstance(app.screen, DivergedScreen)
        assert engine.asked() == []


async def test_the_question_goes_when_somebody_else_has_answered_it(replay: Replay) -> None:
    diverge(replay)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SIZE) as pilot:
            await wait_until(pilot, lambda: isinstance(app.screen, DivergedScreen), "the question")
            now = replay.clock.now
            replay.write(PhaseChanged(time=now, phase=Phase.TRAINING))
            replay.write(RunResumed(time=now, reason=ResumeReason.ROLLED_BACK, step=860, epoch=1, by="bob"))
            await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the training screen")
            await wait_for(pilot, "rolled back at step 860, by bob")
            assert "⚠" not in lines(app)[1]


async def test_a_divergence_that_nobody_need_decide_is_only_told(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            diverge(replay, awaits_decision=False)
            await wait_until(pilot, lambda: "the loss is NaN" in lines(app)[1], "the alert")
            assert isinstance(app.screen, TrainingScreen)


async def test_the_engine_hears_who_watches_and_when_nobody_does_any_more(replay: Replay) -> None:
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        async with app.run_test(size=SIZE) as pilot:
            await wait_until(pilot, lambda: engine.watchers == [ME], "the attachment")
            assert app.session is not None
            attachment = app.session._attachment
            assert attachment is not None
            await pilot.press("6")
            await settled(pilot)
            assert engine.watchers == [ME]
        assert attachment._closed.is_set()


async def test_a_run_that_is_over_has_nobody_attached() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert app.session is not None
        assert app.session._attachment is None

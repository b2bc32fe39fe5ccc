"""Resuming of ended runs, with the waiting engine or a new one, and quitting while a run is paused."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from mnist_tui.cluster import Cluster
from mnist_tui.config import ConfigError, DataFacts
from mnist_tui.control import client
from mnist_tui.control.protocol import SetEpochs
from mnist_tui.engine.data import datasets
from mnist_tui.events import Phase, PhaseChanged, ResumeReason, RunFailed, RunResumed
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.compare.compared_runs import ComparedRun
from mnist_tui.ui.compare.screen import summary
from mnist_tui.ui.home.screen import HomeScreen
from mnist_tui.ui.plots.overlay import RunStyle
from mnist_tui.ui.steering.choices import AddEpochScreen, ResumeScreen
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run, retested_run
from tests.ui.program import left, lines, program, settled, text, told, wait_for, wait_until
from tests.ui.steered import ME, SIZE, expect_requests, live, pause, press


@asynccontextmanager
async def shown(run: RunDirectory | None, clock: Clock) -> AsyncIterator[tuple[MnistTuiApp, Pilot[int]]]:
    """Show a run, or the home screen."""
    app = program(run, clock)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        yield app, pilot


def question(app: MnistTuiApp) -> str:
    """Return the text of the dialog in front, which confirms a resumption."""
    assert isinstance(app.screen, ResumeScreen)
    return str(app.screen.query_one(Static).content)


class Resumes:
    """A stand-in for `client.resume` that keeps its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, int | None]] = []
        self.error: RunError | None = None

    def __call__(
        self, run: RunDirectory, by: str, epochs: int | None, cluster: Cluster | None, **options: object
    ) -> None:
        assert (cluster, options) == (None, {"accept_changed_data": False, "on_end": None})
        self.calls.append((run.id, by, epochs))
        if self.error is not None:
            raise self.error


@pytest.fixture
def resumes(monkeypatch: pytest.MonkeyPatch) -> Resumes:
    stand_in = Resumes()
    monkeypatch.setattr(client, "resume", stand_in)
    return stand_in


async def test_a_waiting_engine_trains_on() -> None:
    run = recorded_run()
    with FakeEngine(run) as engine:
        async with shown(run, Clock(finishing_time())) as (app, pilot):
            assert "✔ finished" in lines(app)[0]
            assert "+ Add epoch" in lines(app)[-1]
            await press(pilot, "plus")
            assert engine.sent() == []
            await pilot.press("plus")
            await expect_requests(pilot, engine, SetEpochs(by=ME, epochs=4))


async def test_quitting_does_not_ask_if_the_engine_only_waits() -> None:
    run = recorded_run()
    with FakeEngine(run) as engine:
        async with shown(run, Clock(finishing_time())) as (app, pilot):
            await pilot.press("q")
            assert await left(app) == 0
        assert engine.sent() == []


async def test_a_finished_run_is_resumed_with_another_epoch(resumes: Resumes) -> None:
    run = recorded_run()
    async with shown(run, Clock(finishing_time())) as (app, pilot):
        assert "Resume" not in lines(app)[-1]
        await press(pilot, "plus", "plus")
        await wait_until(pilot, lambda: resumes.calls == [(run.id, ME, 4)], "a call")


@pytest.mark.parametrize(
    ("screen", "answer"), [("1", "escape"), ("2", "enter"), ("3", "escape"), ("4", "enter"), ("5", "escape")]
)
async def test_a_run_that_was_tested_does_not_train_on_unasked(screen: str, answer: str, resumes: Resumes) -> None:
    run = recorded_run()
    async with shown(run, Clock(finishing_time())) as (app, pilot):
        await press(pilot, screen, "plus")
        for fact in ("brave-otter", "99.57 %", "epoch 4", "no longer unseen"):
            assert fact in question(app)
        await press(pilot, answer)
        assert not isinstance(app.screen, AddEpochScreen)
        assert resumes.calls == []


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_both_test_results_are_shown(size: tuple[int, int]) -> None:
    app = program(retested_run(), Clock(finishing_time() + 60))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert "test 99.57 %, again 99.71 % · no longer unseen" in text(app)
        await press(pilot, "0")
        await wait_for(pilot, "99.57 %, again 99.71 %")


def test_a_comparison_shows_both_test_results() -> None:
    compared = ComparedRun(retested_run(), RunStyle(0))
    compared.load()
    assert "test 99.57 %, again 99.71 % · no longer unseen" in summary(compared, 120).plain
    assert compared.result.test_accuracy == pytest.approx(0.9957)


@pytest.mark.parametrize("size", [(40, 12), (60, 20)])
async def test_a_small_terminal_shows_the_whole_question(size: tuple[int, int]) -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await press(pilot, "plus")
        for words in ("99.57 %", "unseen", "Add epoch", "Cancel"):
            assert words in text(app)


async def test_a_crashed_run_is_resumed_and_shows_its_phase(replay: Replay, resumes: Resumes) -> None:
    async with shown(replay.run, replay.clock) as (app, pilot):
        assert "✖ crashed" in lines(app)[0]
        await press(pilot, "r")
        assert "to the end of epoch 3" in question(app)
        assert "unseen" not in question(app)
        assert resumes.calls == []
        await pilot.press("r")
        await wait_until(pilot, lambda: resumes.calls == [(replay.run.id, ME, None)], "a call")
        with FakeEngine(replay.run):
            now = replay.clock.now + 60
            replay.write(RunResumed(time=now, reason=ResumeReason.RESUMED, step=1_000, epoch=1, by=ME))
            replay.write(PhaseChanged(time=now, phase=Phase.IMPORTING))
            replay.clock.now += 3
            await wait_until(pilot, lambda: "◌ importing Keras  00:03" in lines(app)[0], "the start-up")
            assert "step 1,000 of 2,580" in text(app)
            assert "↻" in text(app)


@pytest.mark.parametrize("error", [None, ConfigError("mine.npz is missing: restore it")], ids=["changed", "missing"])
async def test_changed_or_missing_data_are_notified(
    replay: Replay, resumes: Resumes, monkeypatch: pytest.MonkeyPatch, error: ConfigError | None
) -> None:
    def read_data(_: str) -> DataFacts:
        if error is not None:
            raise error
        return DataFacts("other", 10)

    monkeypatch.setattr(datasets, "verify", read_data)
    words = str(error) if error is not None else "mnist has changed"
    async with shown(replay.run, replay.clock) as (app, pilot):
        await press(pilot, "r", "r")
        await wait_until(pilot, lambda: [each.startswith(words) for each in told(app)] == [True], "the reason")
        assert resumes.calls == []


async def test_a_failed_resume_is_notified(replay: Replay, resumes: Resumes) -> None:
    resumes.error = RunError("the engine cannot be started (no memory): free some memory and try again")
    async with shown(replay.run, replay.clock) as (app, pilot):
        await press(pilot, "r", "r")
        await wait_until(pilot, lambda: told(app) == [str(resumes.error)], "the reason")


async def test_r_in_the_run_table_resumes_and_opens_the_run(replay: Replay, resumes: Resumes) -> None:
    replay.write(RunFailed(time=replay.clock.now, error="out of memory"))
    async with shown(None, replay.clock) as (app, pilot):
        await press(pilot, "tab")
        assert "r Resume" in lines(app)[-1]
        await press(pilot, "r", "escape")
        assert isinstance(app.screen, HomeScreen)
        assert resumes.calls == []
        await press(pilot, "r", "r")
        await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the run")
        assert resumes.calls == [(replay.run.id, ME, None)]


async def test_a_finished_run_in_the_run_table_is_not_resumed(resumes: Resumes) -> None:
    recorded_run()
    async with shown(None, Clock(finishing_time())) as (app, pilot):
        await press(pilot, "tab", "r")
        assert "Resume" not in lines(app)[-1]
        assert isinstance(app.screen, HomeScreen)
        assert resumes.calls == []


async def test_a_paused_run_is_listed_as_paused(replay: Replay) -> None:
    pause(replay)
    with FakeEngine(replay.run):
        async with shown(None, replay.clock) as (app, pilot):
            await wait_for(pilot, "paused")
            assert re.search(r"brave-otter +paused +47 % +fast +1/3", text(app))


async def test_quitting_a_paused_run_says_that_it_is_paused(replay: Replay) -> None:
    pause(replay)
    async with live(replay) as (_, pilot, _):
        await pilot.press("q")
        await wait_for(pilot, "brave-otter is paused")

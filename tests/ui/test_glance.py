"""The glance of the home screen: of runs of any data and in any state, and the machine beside it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_tui.events import GpuSample, RunFailed
from mnist_tui.runs.directory import create_run
from mnist_tui.runs.log import EventLog
from mnist_tui.ui.confusion.thumbnail import MatrixThumbnail
from mnist_tui.ui.digits.image_grid import ImageGrid
from mnist_tui.ui.home.glance import Glance
from mnist_tui.ui.home.machine_panel import MachineLoad, steadied
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit import samples
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run
from tests.ui.odd_runs import odd_run
from tests.ui.program import lines, program, settled, text, wait_for, wait_until

GB = 10**9
LOAD = MachineLoad(cpu=10.0, cores=2, memory_used=4 * GB, memory_total=24 * GB, disk_free=90 * GB, disk_total=200 * GB)


def failed_start(home: Path) -> None:  # noqa: ARG001 (it is the home of all runs)
    run = create_run(samples.config(name="bad-luck"))
    EventLog(run.events_path).append(RunFailed(time=1.0, error="out of memory"))


def many_classes(home: Path) -> None:
    odd_run(home, [f"class {number}" for number in range(100)])


def without_predictions(home: Path) -> None:  # noqa: ARG001
    for path in (recorded_run().path / "predictions").iterdir():
        path.write_bytes(b"rubbish")


def in_training(home: Path) -> None:  # noqa: ARG001
    Replay().to_step(300)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (failed_start, "out of memory"),
        (many_classes, "95 % interval"),
        (without_predictions, "predictions"),
        (in_training, "see engine.log"),
    ],
)
async def test_any_run_has_a_glance(home: Path, make: Callable[[Path], None], words: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    make(home)
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=(200, 60)) as pilot:
        await wait_until(pilot, lambda: bool(app.screen.query(Glance)), "the glance")
        await settled(pilot)
        await wait_for(pilot, words)
        assert {len(line) for line in lines(app)} == {200}


async def test_a_run_shows_its_matrix_and_mistakes_and_a_click_opens_it(home: Path) -> None:  # noqa: ARG001
    recorded_run()
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for(pilot, "9 → 4")
        assert "epochs 3 (form: 1)" in text(app)
        assert app.screen.query_one(MatrixThumbnail).size.height >= 11
        await pilot.click(ImageGrid)
        await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the training screen")


async def test_the_last_events_of_a_run_are_shown(home: Path) -> None:  # noqa: ARG001
    replay = Replay()
    replay.to_step(300)
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_for(pilot, "see engine.log")
        await settled(pilot)
        replay.to_the_end()
        await wait_for(pilot, "9 → 4")


async def test_on_a_small_terminal_the_glance_takes_the_place_of_the_settings(home: Path) -> None:  # noqa: ARG001
    recorded_run()
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: bool(app.screen.query(Glance)), "the glance")
        assert not app.screen.query_one(Glance).display
        await pilot.press("tab")
        await wait_for(pilot, "Confusion")
        await pilot.press("tab")
        await wait_for(pilot, "learning rate")


async def test_the_machine_is_beside_the_runs(home: Path) -> None:  # noqa: ARG001
    app = program(clock=Clock(finishing_time()))
    app.sample_machine = lambda: replace(LOAD, gpus=(GpuSample("H200", 40.0, 3 * GB, 140 * GB),))
    async with app.run_test(size=(200, 60)) as pilot:
        await wait_for(pilot, "10 % of 2 cores")
        assert "90 GB free" in text(app)
        assert "40 % · 3.0 GB of 140 GB · H200" in text(app)


def test_values_that_hardly_change_are_not_shown_again() -> None:
    assert steadied(LOAD, replace(LOAD, cpu=12.0, memory_used=LOAD.memory_used + GB // 2)) == LOAD
    assert steadied(LOAD, replace(LOAD, cpu=60.0)).cpu == 60.0

"""A run that was imported from a log has no model, no predictions and no settings: screens say so."""

from pathlib import Path

import pytest

from mnist_tui.inspection.imported_run import import_run
from mnist_tui.inspection.log_files import read_log
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.compare.screen import CompareScreen
from tests.kit.recording import Clock, recorded_run
from tests.ui.program import program, settled, text, wait_until


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    path = tmp_path / "other.csv"
    path.write_text("epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.2,0.625,1.1\n1,0.7,0.8,0.75,0.9\n")
    return import_run(read_log(path), path)


async def test_every_screen_opens_and_names_the_reason(run: RunDirectory) -> None:
    app = program(run, Clock(run.record().created + 5))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        shown = text(app)
        assert "75.00 %" in shown
        assert "imported" in shown
        for key in "2345":
            await pilot.press(key)
            await wait_until(pilot, lambda: "was imported from" in " ".join(text(app).split()), "the reason")


async def test_it_is_compared_by_its_curves(run: RunDirectory) -> None:
    recorded_run()
    app = program(run, Clock(run.record().created + 5))
    async with app.run_test(size=(160, 44)) as pilot:
        await pilot.press("c")
        await wait_until(pilot, lambda: "brave-otter" in text(app), "the list")
        await pilot.press("space", "enter", "C")
        await wait_until(pilot, lambda: isinstance(app.screen, CompareScreen) and "99.46 %" in text(app), "results")
        assert "75.00 %" in text(app)

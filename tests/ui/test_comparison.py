"""The confusion matrix compared with another epoch or run."""

import re
from pathlib import Path

import pytest

from mnist_tui.analysis.change import BETTER, WORSE, change
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from mnist_tui.ui.confusion.cell_panel import CellPanel
from mnist_tui.ui.confusion.choose_reference import ChooseReferenceScreen
from mnist_tui.ui.confusion.matrix import ConfusionMatrix
from mnist_tui.ui.confusion.screen import ConfusionScreen
from tests.kit.recorded import Recording, make_recorded_run
from tests.ui.host import SIZES, Host, settled
from tests.ui.odd_runs import odd_run
from tests.ui.program import looks

EARLIER = "left_square_bracket"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def run(runs: Path) -> RunDirectory:
    return make_recorded_run(runs, epochs=3, n=300)


def compared_with(app: Host) -> str:
    """Return the epoch and the reference in the title, or an empty string."""
    _, _, words = str(app.screen.query_one(ConfusionMatrix).border_title).partition(": ")
    return words


@pytest.mark.parametrize("size", SIZES)
async def test_c_compares_with_the_previous_epoch_and_marks_directions_by_signs(
    run: RunDirectory, size: tuple[int, int]
) -> None:
    app = Host(run, ConfusionScreen)
    async with app.shown(size) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await settled(pilot)
        assert compared_with(app) == "epoch 3, compared with epoch 2"
        assert "▲ better  ▼ worse" in app.text()
        assert re.search(r"\d+ won, \d+ lost: \w+|none won, none lost", app.text())
        assert {len(line) for line in app.lines()} == {size[0]}
        epochs = app.session.view.history.epochs
        expected = change(epochs[2].confusion, epochs[1].confusion)
        matrix = app.screen.query_one(ConfusionMatrix)
        assert matrix.comparison is not None
        drawn = "\n".join(matrix.render_line(y).text for y in range(matrix.size.height))
        for sign, direction in (("▲", BETTER), ("▼", WORSE)):
            assert drawn.count(sign) == int((expected.directions == direction).sum())
        for true, predicted in zip(*expected.counts.nonzero(), strict=True):
            assert f"{expected.counts[true, predicted]:+}".replace("-", "−") in drawn


async def test_the_largest_changes_and_the_change_of_the_cell_are_shown(run: RunDirectory) -> None:
    app = Host(run, ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await settled(pilot)
        epochs = app.session.view.history.epochs
        largest = change(epochs[2].confusion, epochs[1].confusion).largest(1)[0]
        assert f"{largest.true} → {largest.predicted}: {largest.now}, was {largest.before}" in app.text()
        app.screen.query_one(ConfusionMatrix).cursor = (largest.true, largest.predicted)
        await settled(pilot)
        cell = app.screen.query_one(CellPanel).cell
        assert cell is not None
        assert cell.direction == largest.direction
        difference = f"{largest.now - largest.before:+}".replace("-", "−")
        assert cell.comparison.startswith(f"epoch 2: {largest.before} ({difference}")
        assert cell.comparison in app.text()


async def test_the_previous_epoch_follows_the_current_one_and_escape_ends_the_comparison(run: RunDirectory) -> None:
    app = Host(run, ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        plain = app.text()
        await pilot.press("c", EARLIER)
        await settled(pilot)
        assert compared_with(app) == "epoch 2, compared with epoch 1"
        await pilot.press(EARLIER)
        await settled(pilot)
        assert compared_with(app) == "", "the first epoch has none before it"
        await pilot.press("right_curly_bracket", "escape")
        await settled(pilot)
        assert isinstance(app.screen, ConfusionScreen)
        assert app.text() == plain


async def test_c_again_offers_other_epochs_and_the_best_of_other_runs_with_the_same_classes(
    runs: Path, run: RunDirectory
) -> None:
    other = Recording.begin(runs, planned=1, n=100, name="calm-crane")
    other.end_epoch()
    odd_run(runs, ("left", "right"))
    app = Host(run, ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("c", "c")
        for _ in looks():
            await settled(pilot)
            if "calm-crane, epoch 1" in app.text():
                break
        assert isinstance(app.screen, ChooseReferenceScreen)
        text = app.text()
        for words in ("previous epoch", "epoch 1  ", "epoch 2  ", "calm-crane, epoch 1"):
            assert words in text
        assert "odd-one" not in text
        assert "epoch 3  " not in "\n".join(line for line in app.lines() if "validation" in line)
        await pilot.press("end", "enter")
        await settled(pilot)
        assert compared_with(app) == "epoch 3, compared with calm-crane, epoch 1"
        matrix = app.screen.query_one(ConfusionMatrix)
        assert matrix.comparison is not None
        assert not matrix.comparison.in_counts, "other numbers of digits are compared by share"
        await pilot.press(EARLIER)
        await settled(pilot)
        assert compared_with(app) == "epoch 2, compared with calm-crane, epoch 1"


async def test_without_another_epoch_or_run_the_dialog_is_empty(runs: Path) -> None:
    recording = Recording.begin(runs, planned=3, n=100)
    recording.end_epoch()
    app = Host(recording.run, ConfusionScreen)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await settled(pilot)
        assert isinstance(app.screen, ChooseReferenceScreen)
        assert "No other run" in app.text()
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, ConfusionScreen)
        assert compared_with(app) == ""

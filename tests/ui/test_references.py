"""Reference lines of the curves: which there are, where they are drawn, and the user's own."""

import math
from pathlib import Path

import pytest

from mnist_tui.metrics import METRICS
from mnist_tui.runs.directory import RunError, home
from mnist_tui.runs.own_lines import FILE, read_own_lines, set_own_line
from mnist_tui.ui.compare.screen import CompareScreen
from mnist_tui.ui.plots.overlay import RunOverlay
from mnist_tui.ui.plots.panel import PlotPanel
from mnist_tui.ui.plots.references import ReferenceLine, best_run, reference_lines
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit.recorded import Recording, make_recorded_run
from tests.kit.samples import CREATED
from tests.ui.host import Host, settled
from tests.ui.stage import drawn, history


def test_the_lines_of_a_run_are_chance_the_original_network_and_its_best_epoch_of_each_metric() -> None:
    lines = reference_lines(history(steps=600, epochs=2), None, {"loss": 0.25})
    found = {(line.metric, line.name): line.value for line in lines}
    classes = len(history().started.class_names)  # type: ignore[union-attr]
    assert found["accuracy", "chance"] == 1 / classes
    assert found["loss", "chance"] == math.log(classes)
    assert found["accuracy", "original network"] == 0.9929
    assert found["accuracy", "best, epoch 2"] == 0.92
    assert found["loss", "own line"] == 0.25


def test_the_best_run_is_the_best_other_one_on_the_same_data() -> None:
    home().mkdir(parents=True, exist_ok=True)
    run, better = (Recording.begin(home(), planned=4, n=100, name=name) for name in ("calm-crane", "brave-otter"))
    run.end_epoch()
    for _ in range(3):
        better.end_epoch()
    shown = Host(run.run, TrainingScreen).session.view.history
    best = best_run(shown, run.run.path)
    assert best is not None
    assert best.run.path == better.run.path
    assert {line.metric for line in reference_lines(shown, best, {}) if line.name == "best run brave-otter"} == {
        "accuracy",
        "loss",
    }


@pytest.mark.parametrize("log", [False, True])
async def test_a_line_is_dashed_with_its_name_and_beyond_the_axis_only_named_at_the_edge(log: bool) -> None:
    panel = PlotPanel(METRICS["accuracy"])
    lines = ReferenceLine("accuracy", 0.908, "target"), ReferenceLine("accuracy", 0.0001, "floor")
    overlay = RunOverlay(references=(*lines, ReferenceLine("loss", 0.5, "elsewhere")))
    made = history(steps=600, epochs=2)
    shown = await drawn(panel, (90, 24), lambda: panel.show(made, CREATED, PlotView(log=log), overlay=overlay))
    (dashed,) = (line for line in shown if "╌╌" in line)
    assert " target 90.80 % " in dashed
    assert "elsewhere" not in "".join(shown)
    (edge,) = (line for line in shown if "floor" in line)
    assert "▾ floor 0.01 % " in edge
    assert shown.index(dashed) < shown.index(edge)


async def test_the_curves_of_compared_runs_have_the_lines_that_all_share(tmp_path: Path) -> None:
    run = make_recorded_run(tmp_path, epochs=2, n=100)
    app = Host(run, TrainingScreen)
    async with app.shown((120, 40)) as pilot:
        app.push_screen(CompareScreen([run]))
        await settled(pilot)
        await pilot.press("underscore")
        await settled(pilot)
        assert "chance 10.00 %" in app.text()
        assert "best, epoch" not in app.text()
        await pilot.press("underscore")
        await settled(pilot)
        assert "chance" not in app.text()


async def test_one_key_shows_the_lines_and_another_sets_the_users_own(tmp_path: Path) -> None:
    app = Host(make_recorded_run(tmp_path, epochs=2, n=100), TrainingScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        assert "chance" not in app.text()
        await pilot.press("underscore")
        await settled(pilot)
        assert "chance 10.00 %" in app.text()
        assert "99.29 %" in app.text()
        await pilot.press("circumflex_accent", *"101", "enter")
        await settled(pilot)
        assert "must be a number from 0 to 100" in app.text()
        await pilot.press("backspace", "backspace", "backspace", *"98.5", "enter")
        await settled(pilot)
        assert "own line 98.50 %" in app.text()
        assert read_own_lines() == {"accuracy": pytest.approx(0.985)}
        await pilot.press("underscore")
        await settled(pilot)
        assert "own line" not in app.text()
        await pilot.press("circumflex_accent", "delete", "enter")
        await settled(pilot)
        assert read_own_lines() == {}


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b'{"\xff": 1}', b'{"accuracy": "high"}', b'{"nothing": 1, "loss": 1e999}']
)
def test_a_damaged_file_of_own_lines_gives_none(content: bytes) -> None:
    home().mkdir(parents=True, exist_ok=True)
    (home() / FILE).write_bytes(content)
    assert read_own_lines() == {}


def test_a_line_that_cannot_be_written_is_one_sentence() -> None:
    home().mkdir(parents=True, exist_ok=True)
    (home() / FILE).mkdir()
    with pytest.raises(RunError, match=FILE):
        set_own_line("loss", 0.1)

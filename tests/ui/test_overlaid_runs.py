"""Other runs drawn into the plots of a run."""

import re

import numpy as np
import pytest

from mnist_tui.events import Phase
from mnist_tui.metrics import METRICS
from mnist_tui.runs.directory import remove_run
from mnist_tui.runs.history import History
from mnist_tui.ui.compare.choose_runs import ChooseRunsScreen
from mnist_tui.ui.compare.overlay_legend import OverlayLegend
from mnist_tui.ui.compare.screen import CompareScreen
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.data import read_curve, read_validation
from mnist_tui.ui.plots.legend import omitted_entries
from mnist_tui.ui.plots.overlay import OverlayRun, RunOverlay, RunStyle
from mnist_tui.ui.plots.panel import PlotPanel
from mnist_tui.ui.plots.scale import extent_of, scale_of
from mnist_tui.ui.plots.view import PlotView
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time
from tests.kit.samples import CREATED
from tests.ui.compared import recorded, three_runs
from tests.ui.program import lines, program, settled, text, wait_until
from tests.ui.stage import Stage, drawn

SIZE = (120, 40)
LOSS = METRICS["loss"]


def history(steps: int, per_epoch: int = 550, seconds: float = 0.1, **changes: object) -> History:
    """Return a run of three planned epochs of `per_epoch` steps, with `seconds` per step."""
    made = History(samples.record(epochs=3))
    made.apply(samples.phase_changed(Phase.TRAINING))
    made.apply(samples.run_started(steps_per_epoch=per_epoch))
    for step in range(1, steps + 1):
        made.apply(samples.step_ended(step, time=CREATED + step * seconds, **{"loss": 1 / step, **changes}))
    return made


async def test_chosen_runs_are_drawn_with_markers_that_they_keep() -> None:
    brave, *_ = three_runs()
    app = program(brave, Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert not app.screen.query_one(OverlayLegend).display
        await pilot.press("c")
        await settled(pilot)
        assert isinstance(app.screen, ChooseRunsScreen)
        box = "\n".join(lines(app)[10:30])
        assert "killed-run" in box
        assert "paused-run" in box
        assert "brave-otter" not in box
        await pilot.press(*"pau", "space")
        await settled(pilot)
        assert "✔ paused-run" in text(app)
        assert "killed-run" not in text(app)
        await pilot.press("enter")
        await settled(pilot)
        assert "━▲━" not in text(app)
        assert "━◆━ paused-run" in lines(app)[-2]
        plots = "\n".join(line[60:] for line in lines(app)[:-2])
        assert "◆" in plots
        assert "●" in plots
        await pilot.press("c", "space", "enter")  # the first of the list: killed-run
        await settled(pilot)
        assert "━◆━ paused-run   ━▲━ killed-run" in lines(app)[-2]
        await pilot.press("c")
        await settled(pilot)
        await pilot.press(*"pau", "space", "enter")
        await settled(pilot)
        assert "paused-run" not in text(app)
        assert "━▲━ killed-run" in lines(app)[-2]


async def test_escape_cancels_the_choice() -> None:
    brave, *_ = three_runs()
    app = program(brave, Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        before = text(app)
        await pilot.press("c", "space", "down", "space", "escape")
        await settled(pilot)
        assert text(app) == before


async def test_the_cursor_shows_the_values_of_other_runs_and_a_key_opens_their_table() -> None:
    brave, *_ = three_runs()
    app = program(brave, Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert app.screen.check_action("compare_tables", ()) is False
        await pilot.press("c", "space", "down", "space", "enter")
        await settled(pilot)
        await pilot.press("home", *["right"] * 4)
        await settled(pilot)
        cursor = app.screen.query_one(PlotBoard).view.cursor
        assert re.search(rf"Loss step {cursor}  ━◆━ killed-run \d\.\d{{4}}   ━▲━ paused-run \d\.\d{{4}}", text(app))
        await pilot.press("C")
        await settled(pilot)
        assert isinstance(app.screen, CompareScreen)
        assert [run.name for run in app.screen.compared.runs] == ["brave-otter", "killed-run", "paused-run"]
        await pilot.press("escape")
        await settled(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert "━◆━ killed-run   ━▲━ paused-run" in text(app)


async def test_a_live_run_is_drawn_over_others_which_may_be_deleted() -> None:
    replay = Replay()
    other = recorded("paused-otter")
    replay.to_step(400)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SIZE) as pilot:
            await settled(pilot)
            await pilot.press("c", "space", "enter")
            await settled(pilot)
            remove_run(other)
            replay.to_step(900)
            app._follow()
            await settled(pilot)
            plots = "\n".join(line[60:] for line in lines(app)[:-2])
            assert all(marker in plots for marker in "◆★━")
            await wait_until(pilot, lambda: "paused-run" in text(app), "the curve that was read")


def test_the_axis_has_room_for_the_longest_aligned_run() -> None:
    own, other = history(550), history(3_000, per_epoch=1_100, seconds=0.2)
    assert extent_of(own, [other]).last == 3_000
    assert extent_of(own, [other], "epochs").last == 1_500
    by_time = extent_of(own, [other], "time").last
    assert by_time == pytest.approx(6_000, rel=0.01)
    assert extent_of(own, [other]).planned == 3_300
    assert extent_of(own, [other], "epochs").planned == 1_650
    assert extent_of(own).last == 550


def test_a_position_is_another_step_of_a_run_with_another_batch_size() -> None:
    own, other = history(1_100), history(2_200, per_epoch=1_100, seconds=0.2)
    for axis, expected in (("steps", 550.0), ("epochs", 1_100.0), ("time", 275.0)):
        scale = scale_of(own, PlotView(axis=axis), [other])  # type: ignore[arg-type]
        aligned = scale.align(other)
        assert aligned is not None
        (position,) = scale.positions(own, np.array([550.0]))
        assert aligned.step_at(other, float(position)) == pytest.approx(expected, abs=1)


def test_runs_without_steps_or_with_epochs_of_unknown_length_are_not_aligned() -> None:
    own, empty = history(550), history(0)
    unknown = History(samples.record())
    unknown.apply_all(samples.steps(50))
    scale = scale_of(own, PlotView(axis="epochs"), [empty, unknown])
    assert scale.align(empty) is None
    assert scale.align(unknown) is None
    assert extent_of(own, [empty, unknown], "epochs").last == 550
    assert extent_of(empty, [own], "time").last == 0


def test_a_run_whose_clock_went_backwards_is_aligned() -> None:
    own, other = history(100), history(100, seconds=-50.0)
    for runs in ((own, other), (other, own)):
        scale = scale_of(runs[0], PlotView(axis="time"), [runs[1]])
        assert np.isfinite(scale.limits).all()
        aligned = scale.align(runs[1])
        assert aligned is not None
        assert read_curve(runs[1], LOSS, PlotView(axis="time"), aligned, 60) is not None


async def test_a_plot_is_drawn_again_when_another_run_grows() -> None:
    own, other = history(500), history(800)
    overlay = RunOverlay((OverlayRun("other", "other", other, RunStyle(0)),))
    plot = PlotPanel(LOSS)
    app = Stage(plot)
    async with app.run_test(size=(60, 20)) as pilot:
        plot.show(own, CREATED, overlay=overlay)
        await settled(pilot)
        builds = plot.builds
        plot.show(own, CREATED + 9, overlay=overlay)
        assert plot.builds == builds
        other.apply(samples.step_ended(801))
        plot.show(own, CREATED + 9.1, overlay=overlay)
        assert plot.builds == builds + 1
        other.apply(samples.step_ended(802))
        plot.show(own, CREATED + 9.2, overlay=overlay)
        assert plot.builds == builds + 1  # at a limited rate
        other.apply(samples.epoch_ended(1))
        plot.show(own, CREATED + 9.3, overlay=overlay)
        assert plot.builds == builds + 2


def test_a_logarithmic_axis_counts_the_values_that_it_leaves_out() -> None:
    made = history(100)
    made.apply_all(samples.step_ended(step, loss=0.0) for step in range(101, 143))
    made.apply(samples.epoch_ended(1, step=142, validation_loss=0.0))
    for log, expected in ((True, [("≤ 0", "43")]), (False, [])):
        view = PlotView(log=log)
        scale = scale_of(made, view)
        curve, points = read_curve(made, LOSS, view, scale, 60), read_validation(made, LOSS, scale)
        assert [(entry.marker, entry.value) for entry in omitted_entries(curve, points, view)] == expected


async def test_a_validation_that_is_nan_is_counted_and_marked_on_the_axis() -> None:
    run = history(1_650)
    run.apply(samples.epoch_ended(1))
    run.apply(samples.epoch_ended(2, validation_loss=None))
    plot = PlotPanel(LOSS)
    shown = await drawn(plot, (80, 20), lambda: plot.show(run, CREATED))
    assert re.search("× .* val 1 ", shown[0])
    axis = next(line for line in shown if "└" in line)
    left, right = axis.index("└") + 1, len(axis.rstrip("│ ")) - 1
    assert axis.count("×") == 1
    assert (axis.index("×") - left) / (right - left) == pytest.approx(2 / 3, abs=0.03)


async def test_validation_only_is_a_line_that_fills_the_y_axis() -> None:
    run = history(1_650, loss=3.0)
    run.apply_all(samples.epoch_ended(epoch, validation_loss=0.1 / epoch) for epoch in (1, 2, 3))
    plot = PlotPanel(LOSS)
    shown = "\n".join(await drawn(plot, (80, 20), lambda: plot.show(run, CREATED, PlotView(validation_only=True))))
    assert max(float(number) for number in re.findall(r"│(\d\.\d+)┤", shown)) <= 0.12
    assert len(re.findall("[⠁-⣿]", shown)) > 20

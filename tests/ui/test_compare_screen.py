"""Runs side by side, as a person uses it: marked at home, looked at, read off, hidden, removed, opened."""

import itertools
import re

import pytest
from textual.color import Color
from textual.pilot import Pilot
from textual.theme import Theme

from mnist_tui.runs.directory import RunDirectory, create_run, remove_run
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.compare.compared_runs import ComparedRun, ComparedRuns, epoch_result, settings_of
from mnist_tui.ui.compare.screen import CompareScreen
from mnist_tui.ui.compare.table import ComparedTable
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.run_styles import COLOURS, MARKERS, RunSign
from mnist_tui.ui.theme import DARK, LIGHT
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time
from tests.ui.compared import recorded, three_runs
from tests.ui.program import lines, program, settled, text, told, wait_for, wait_until

SIZE = (120, 40)
BRAILLE = re.compile("[⠁-⣿]")


def compare(app: MnistTuiApp) -> CompareScreen:
    assert isinstance(app.screen, CompareScreen)
    return app.screen


async def opened(pilot: Pilot[int], runs: list[RunDirectory]) -> CompareScreen:
    await settled(pilot)
    ticks = itertools.count()
    screen = CompareScreen(runs, lambda: float(next(ticks)))
    pilot.app.push_screen(screen)
    await settled(pilot)
    return screen


def row(app: MnistTuiApp, name: str) -> str:
    """The table's line of a run, blanks squeezed."""
    found = [line for line in lines(app) if line.startswith("│ ") and f" {name} " in line]
    return " ".join(found[0].split())


async def test_runs_are_marked_at_home_and_compared_by_one_key() -> None:
    three_runs()
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab")
        await settled(pilot)
        assert "Space Mark c Compare" in lines(app)[-1]
        await pilot.press("space", "c")
        await settled(pilot)
        assert told(app) == ["Mark at least two runs with Space; c then compares them."]
        await pilot.press("down", "space")
        await settled(pilot)
        assert "2 marked" in text(app)
        assert text(app).count("✔ ") == 2
        await pilot.press("c")
        await wait_for(pilot, "comparing 2 runs")
        await settled(pilot)
        assert "━◆━  killed-run" in text(app)
        assert "━▲━  paused-run" in text(app)
        assert "brave-otter" not in text(app)
        await pilot.press("escape")
        await settled(pilot)
        assert text(app).count("✔ ") == 2
        await pilot.press("space")
        await settled(pilot)
        assert text(app).count("✔ ") == 1


async def test_one_run_alone_cannot_be_marked() -> None:
    recorded("brave-otter")
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab")
        await settled(pilot)
        assert "Mark" not in lines(app)[-1]


async def test_the_table_has_results_what_each_needed_and_the_settings_that_differ() -> None:
    runs = three_runs()
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, runs)
        results = "━◆━ brave-otter finished ★ 99.46 % ★ 99.57 % 3/3 00:25 110,000 00:18 165,000 00:24 not reached"
        assert results in row(app, "brave-otter")
        assert "★33,000 ★00:17 not reached not reached" in row(app, "paused-run")
        assert "first epoch's end with that validation accuracy" in text(app)
        assert "test 99.57 % of 10,000 digits with its weights: reaches 99.5 %" in text(app)
        await pilot.press("tab")
        await settled(pilot)
        heading = " ".join(next(line for line in lines(app) if "checkpoint" in line).split())
        assert heading == "│ run epochs seed limit checkpoint seconds device validated on │"
        assert "killed-run 4 0 12000 5 2 CPU cores 1,000 digits" in row(app, "killed-run")


async def test_runs_of_other_epoch_length_are_aligned_by_epochs_and_x_changes_that() -> None:
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, three_runs())
        assert text(app).count("validation alone · epochs ─") == 2
        assert screen.query_one(PlotBoard).view.axis == "epochs"
        axis = next(line for line in lines(app) if "└" in line)
        numbers = re.findall(r"\d+", lines(app)[lines(app).index(axis) + 1])
        assert numbers[-1] == "4"  # the longest run planned four epochs: that is where the axis ends
        await pilot.press("x")
        await settled(pilot)
        assert text(app).count(" of work ─") == 2
        await pilot.press("v")
        await settled(pilot)
        assert "validation alone" not in text(app)
        assert all(marker in text(app) for marker in "◆▲■")


async def test_the_cursor_gives_every_runs_value_at_its_own_step_there() -> None:
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=(200, 60)) as pilot:
        screen = await opened(pilot, three_runs())
        await pilot.press("v", "home", *["right"] * 30)
        await settled(pilot)
        cursor, ruler = screen.query_one(PlotBoard).view.cursor, screen.compared.ruler
        assert cursor is not None
        assert ruler is not None
        place = cursor / 860
        assert f"epoch {place:.2f}" in text(app)
        for run in screen.compared.runs:
            assert run.history is not None
            assert run.history.started is not None
            table = run.history.steps
            step = place * run.history.started.steps_per_epoch
            nearest = int(abs(table.column("step") - step).argmin())
            assert f"{table.column('loss')[nearest]:.4f}" in row(app, run.name)
        await pilot.press("end")
        await settled(pilot)
        assert "– –" in row(app, "brave-otter")  # it ended an epoch before the others
        await pilot.press("escape")
        await settled(pilot)
        assert "epoch 4" not in "".join(line for line in lines(app) if "run  " in line)


async def test_a_run_is_hidden_shown_again_removed_and_keeps_its_sign() -> None:
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, three_runs())
        canvas = "\n".join(lines(app)[2:20])
        assert "◆" in canvas
        await pilot.press("space")
        await settled(pilot)
        canvas = "\n".join(lines(app)[2:20])
        assert "◆" not in canvas
        assert "1 hidden" in text(app)
        assert "│ ◆ brave-otter" in row(app, "brave-otter")
        await pilot.press("space")
        await settled(pilot)
        assert "━◆━ brave-otter" in row(app, "brave-otter")
        await pilot.press("backspace")
        await settled(pilot)
        assert "brave-otter" not in text(app)
        assert [run.sign.marker for run in screen.compared.runs] == ["▲", "■"]
        await pilot.press("backspace", "backspace")
        await settled(pilot)
        assert "No run is compared: / chooses some." in text(app)


async def test_the_cursor_goes_with_the_run_whose_steps_it_counts() -> None:
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, three_runs())
        await pilot.press("home", "z")
        await settled(pilot)
        assert "zoomed" in text(app)
        await pilot.press("backspace")
        await settled(pilot)
        view = screen.query_one(PlotBoard).view
        assert (view.window, view.cursor, view.axis) == (None, None, "epochs")
        assert "zoomed" not in text(app)


async def test_enter_opens_the_run_under_the_cursor() -> None:
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, three_runs())
        await pilot.press("down", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the training screen")
        assert app.session is not None
        assert app.session.record.name == "paused-run"


async def test_the_run_under_the_cursor_is_drawn_over_the_others() -> None:
    first, second = recorded("brave-otter"), recorded("brave-otter", run_id="20261123-230000", called="twin")
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, [first, second])
        canvas = "\n".join(lines(app)[2:20])
        assert ("◆" in canvas, "▲" in canvas) == (True, False)
        await pilot.press("down")
        await settled(pilot)
        canvas = "\n".join(lines(app)[2:20])
        assert ("◆" in canvas, "▲" in canvas) == (False, True)


async def test_a_live_run_goes_on_growing_among_the_others() -> None:
    replay = Replay()
    replay.to_step(900)
    other = recorded("paused-otter")
    app = program(clock=replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=SIZE) as pilot:
            screen = await opened(pilot, [replay.run, other])
            assert "━◆━ brave-otter training 98.84 % – 1/3" in row(app, "brave-otter")
            assert "not yet" in row(app, "brave-otter")
            builds = [panel.builds for panel in screen.query_one(PlotBoard).panels_shown]
            replay.to_step(1_800)
            screen._follow()
            await settled(pilot)
            assert "★ 99.22 % – 2/3" in row(app, "brave-otter")
            panels = screen.query_one(PlotBoard).panels_shown
            await wait_until(pilot, lambda: all(p.builds > b for p, b in zip(panels, builds, strict=True)), "new plots")


async def test_runs_that_are_damaged_deleted_or_empty_are_said_so_and_break_nothing() -> None:
    good, deleted = recorded("brave-otter"), recorded("paused-otter")
    empty = create_run(samples.config(name="empty-one"))
    damaged = recorded("killed-otter", run_id="20261125-000000")
    damaged.config_path.write_text("{", "utf-8")
    rubbish = recorded("killed-otter", run_id="20261125-000001", called="rubbish-one")
    rubbish.events_path.write_bytes(b"{}\n\xff\xfe\n" * 3 + rubbish.events_path.read_bytes())
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, [good, deleted, empty, damaged, rubbish])
        assert "unreadable" in row(app, "20261125-000000")
        assert "crashed" in row(app, "empty-one")
        remove_run(deleted)
        screen._follow()
        await settled(pilot)
        assert "deleted" in row(app, "paused-run")
        told_of = []
        for _ in range(5):
            told_of.append(lines(app)[-3] + lines(app)[-2])
            await pilot.press("down")
            await settled(pilot)
        assert "best validation 99.46 %" in told_of[0]
        assert "deleted since it was read" in told_of[1]
        assert "no steps yet: nothing to draw" in told_of[2]
        assert "cannot be read" in told_of[3]
        assert "6 lines of its events.jsonl cannot be read" in told_of[4]
        for key in ("x", "x", "y", "z", "home", "v", "tab", "m", "escape", "space", "backspace"):
            await pilot.press(key)
            await settled(pilot)
        assert len(BRAILLE.findall(text(app))) > 20


async def test_without_a_step_anywhere_it_says_so() -> None:
    runs = [create_run(samples.config(name=name)) for name in ("one-run", "two-run")]
    app = program(clock=Clock(0.0))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, runs)
        assert "None of these runs has a step yet." in text(app)
        await pilot.press("x", "left", "tab", "space")
        await settled(pilot)


async def test_ten_runs_have_ten_colours_and_ten_markers_in_every_size() -> None:
    runs = [recorded("paused-otter", run_id=f"20261125-0000{n:02d}", called=f"run-{n}") for n in range(10)]
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, runs)
        assert len({run.sign.marker for run in screen.compared.runs}) == 10
        assert len({run.sign.variable for run in screen.compared.runs}) == 10
        for size in ((120, 40), (200, 60), (40, 12), (80, 24)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert {len(line) for line in lines(app)} == {size[0]}
        assert screen.query_one(ComparedTable).row_count == 10


def test_a_hundred_runs_never_share_both_colour_and_marker() -> None:
    signs = [RunSign(slot) for slot in range(COLOURS * len(MARKERS))]
    assert len({(sign.marker, sign.variable) for sign in signs}) == len(signs)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_every_runs_colour_stands_out_from_the_background(theme: Theme) -> None:
    def luminance(colour: Color) -> float:
        parts = [each / 255 for each in colour.rgb]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    behind = luminance(Color.parse(theme.background))
    for slot in range(COLOURS):
        light, dark = sorted((luminance(RunSign(slot).colour(theme.variables)), behind), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_images_count_the_smaller_last_batch_and_time_has_no_pause() -> None:
    paused, whole = ComparedRuns([recorded("paused-otter")]), ComparedRuns([recorded("brave-otter")])
    paused.load()
    whole.load()
    history = whole.runs[0].history
    assert history is not None
    assert [epoch_result(history, epoch).images for epoch in history.epochs] == [55_000, 110_000, 165_000]
    history = paused.runs[0].history
    assert history is not None
    third = epoch_result(history, history.epochs[2])
    assert third.seconds == pytest.approx(history.epochs[2].time - history.record.created - 12.1, abs=0.1)


def test_a_setting_that_was_changed_while_training_shows_both_values() -> None:
    run = recorded("paused-otter")
    one = ComparedRun(run, RunSign(0))
    one.load()
    assert one.history is not None
    assert settings_of(one.history)["learning rate"] == "0.01"
    one.history.apply(samples.setting_changed("learning_rate", "0.002"))
    assert settings_of(one.history)["learning rate"] == "0.01 → 0.002"

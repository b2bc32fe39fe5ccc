"""The compare screen: its plots, its table and its keys."""

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.color import Color
from textual.pilot import Pilot
from textual.theme import Theme

from mnist_tui.runs.directory import RunDirectory, create_run, home, remove_run
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.compare.compared_runs import ComparedRun, ComparedRuns, epoch_result, settings_of
from mnist_tui.ui.compare.screen import CompareScreen
from mnist_tui.ui.compare.table import ComparedTable
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.overlay import COLOURS, MARKERS, RunStyle
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.theme import DARK, LIGHT
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import Recording
from tests.kit.recording import Clock, Replay, finishing_time
from tests.ui.compared import recorded, three_runs
from tests.ui.program import lines, program, settled, text, told, wait_until

SIZE = (120, 40)
BRAILLE = re.compile("[⠁-⣿]")


@asynccontextmanager
async def comparing(
    runs: list[RunDirectory], size: tuple[int, int] = SIZE, clock: Clock | None = None
) -> AsyncIterator[tuple[MnistTuiApp, Pilot[int], CompareScreen]]:
    app, ticks = program(clock=clock or Clock(finishing_time())), itertools.count()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        screen = CompareScreen(runs, lambda: float(next(ticks)))
        app.push_screen(screen)
        await settled(pilot)
        yield app, pilot, screen


def row(app: MnistTuiApp, name: str) -> str:
    """Return the line of a run in the table, with single blanks."""
    found = [line for line in lines(app) if line.startswith("│ ") and f" {name} " in line]
    return " ".join(found[0].split())


async def test_runs_marked_on_the_home_screen_are_compared() -> None:
    three_runs()
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab")
        await settled(pilot)
        await pilot.press("space", "c")
        await settled(pilot)
        assert len(told(app)) == 1
        assert not isinstance(app.screen, CompareScreen)
        await pilot.press("down", "space")
        await settled(pilot)
        assert "2 marked" in text(app)
        assert text(app).count("✔ ") == 2
        await pilot.press("c")
        await wait_until(pilot, lambda: isinstance(app.screen, CompareScreen), "the compare screen")
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


async def test_a_single_run_cannot_be_marked() -> None:
    recorded("brave-otter")
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab")
        await settled(pilot)
        assert app.focused is not None
        assert app.focused.check_action("mark", ()) is False


async def test_the_table_has_results_target_accuracies_and_differing_settings() -> None:
    runs = three_runs()
    async with comparing(runs) as (app, pilot, _):
        results = "━◆━ brave-otter finished ★ 99.46 % ★ 99.57 % 3/3 00:25 110,000 00:18 165,000 00:24 not reached"
        assert results in row(app, "brave-otter")
        assert "★33,000 ★00:17 not reached not reached" in row(app, "paused-run")
        assert re.search("test 99.57 % of 10,000 .* 99.5 %", text(app))
        await pilot.press("tab")
        await settled(pilot)
        heading = " ".join(next(line for line in lines(app) if "checkpoint" in line).split())
        assert heading == "│ run epochs seed limit checkpoint seconds device validation set │"
        assert "killed-run 4 0 12000 5 2 CPU cores 1,000 images" in row(app, "killed-run")


async def test_runs_with_epochs_of_different_length_are_aligned_by_epochs() -> None:
    async with comparing(three_runs()) as (app, pilot, screen):
        assert screen.query_one(PlotBoard).view == PlotView("epochs", validation_only=True)
        axis = next(line for line in lines(app) if "└" in line)
        numbers = re.findall(r"\d+", lines(app)[lines(app).index(axis) + 1])
        assert numbers[-1] == "4"  # the longest run planned four epochs: that is where the axis ends
        await pilot.press("x")
        await settled(pilot)
        assert screen.query_one(PlotBoard).view.axis == "time"
        await pilot.press("v")
        await settled(pilot)
        assert all(marker in text(app) for marker in "◆▲■")


async def test_the_cursor_shows_the_value_of_each_run_at_its_own_step() -> None:
    async with comparing(three_runs(), (200, 60)) as (app, pilot, screen):
        await pilot.press("v", "home", *["right"] * 30)
        await settled(pilot)
        cursor, reference = screen.query_one(PlotBoard).view.cursor, screen.compared.reference
        assert cursor is not None
        assert reference is not None
        position = cursor / 860
        assert f"epoch {position:.2f}" in text(app)
        for run in screen.compared.runs:
            assert run.history is not None
            assert run.history.started is not None
            table = run.history.steps
            step = position * run.history.started.steps_per_epoch
            nearest = int(abs(table.column("step") - step).argmin())
            assert f"{table.column('loss')[nearest]:.4f}" in row(app, run.name)
        await pilot.press("end")
        await settled(pilot)
        assert "– –" in row(app, "brave-otter")  # it ended an epoch before the others
        await pilot.press("escape")
        await settled(pilot)
        assert "epoch 4" not in "".join(line for line in lines(app) if "run  " in line)


async def test_a_run_can_be_hidden_shown_and_removed_and_keeps_its_style() -> None:
    async with comparing(three_runs()) as (app, pilot, screen):
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
        await pilot.press("delete")
        await settled(pilot)
        assert "brave-otter" not in text(app)
        assert [run.style.marker for run in screen.compared.runs] == ["▲", "■"]
        await pilot.press("delete", "delete")
        await settled(pilot)
        assert screen.query_one("#no-plots").display


async def test_window_and_cursor_are_reset_with_the_run_whose_steps_they_count() -> None:
    async with comparing(three_runs()) as (_app, pilot, screen):
        await pilot.press("home", "z")
        await settled(pilot)
        assert screen.query_one(PlotBoard).view.window is not None
        await pilot.press("delete")
        await settled(pilot)
        view = screen.query_one(PlotBoard).view
        assert (view.window, view.cursor, view.axis) == (None, None, "epochs")


async def test_enter_opens_the_run_under_the_cursor() -> None:
    async with comparing(three_runs()) as (app, pilot, _):
        await pilot.press("down", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the training screen")
        assert app.session is not None
        assert app.session.record.name == "paused-run"


async def test_the_run_under_the_cursor_is_drawn_over_the_others() -> None:
    first, second = recorded("brave-otter"), recorded("brave-otter", run_id="20261123-230000", called="twin")
    async with comparing([first, second]) as (app, pilot, _):
        canvas = "\n".join(lines(app)[2:20])
        assert ("◆" in canvas, "▲" in canvas) == (True, False)
        await pilot.press("down")
        await settled(pilot)
        canvas = "\n".join(lines(app)[2:20])
        assert ("◆" in canvas, "▲" in canvas) == (False, True)


async def test_a_live_run_is_followed() -> None:
    replay = Replay()
    replay.to_step(900)
    other = recorded("paused-otter")
    with FakeEngine(replay.run):
        async with comparing([replay.run, other], clock=replay.clock) as (app, pilot, screen):
            assert "━◆━ brave-otter training 98.84 % – 1/3" in row(app, "brave-otter")
            assert "not yet" in row(app, "brave-otter")
            builds = [panel.builds for panel in screen.query_one(PlotBoard).visible_panels]
            replay.to_step(1_800)
            screen._poll()
            await settled(pilot)
            assert "★ 99.22 % – 2/3" in row(app, "brave-otter")
            panels = screen.query_one(PlotBoard).visible_panels
            await wait_until(pilot, lambda: all(p.builds > b for p, b in zip(panels, builds, strict=True)), "new plots")


async def test_damaged_deleted_and_empty_runs_are_named() -> None:
    good, deleted = recorded("brave-otter"), recorded("paused-otter")
    empty = create_run(samples.config(name="empty-one"))
    damaged = recorded("killed-otter", run_id="20261125-000000")
    damaged.config_path.write_text("{", "utf-8")
    rubbish = recorded("killed-otter", run_id="20261125-000001", called="rubbish-one")
    rubbish.events_path.write_bytes(b"{}\n\xff\xfe\n" * 3 + rubbish.events_path.read_bytes())
    async with comparing([good, deleted, empty, damaged, rubbish]) as (app, pilot, screen):
        assert "unreadable" in row(app, "20261125-000000")
        assert "crashed" in row(app, "empty-one")
        remove_run(deleted)
        screen._poll()
        await settled(pilot)
        assert "deleted" in row(app, "paused-run")
        for words in ("99.46 %", "deleted", "no steps", "config.json", "6 unreadable lines of events.jsonl"):
            assert words in lines(app)[-3] + lines(app)[-2]
            await pilot.press("down")
            await settled(pilot)
        for key in ("x", "x", "y", "z", "home", "v", "tab", "m", "escape", "space", "delete"):
            await pilot.press(key)
            await settled(pilot)
        assert len(BRAILLE.findall(text(app))) > 20


async def test_without_any_step_there_are_no_plots() -> None:
    runs = [create_run(samples.config(name=name)) for name in ("one-run", "two-run")]
    async with comparing(runs, (80, 24)) as (_app, pilot, screen):
        assert screen.query_one("#no-plots").display
        assert not screen.query_one(PlotBoard).display
        await pilot.press("x", "left", "tab", "space")
        await settled(pilot)


async def test_ten_runs_have_ten_colours_and_ten_markers_in_every_size() -> None:
    runs = [recorded("paused-otter", run_id=f"20261125-0000{n:02d}", called=f"run-{n}") for n in range(10)]
    async with comparing(runs, (80, 24)) as (app, pilot, screen):
        styles = [run.style for run in screen.compared.runs]
        assert len({style.marker for style in styles}) == len({style.variable for style in styles}) == 10
        for size in ((120, 40), (200, 60), (40, 12), (80, 24)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert {len(line) for line in lines(app)} == {size[0]}
        assert screen.query_one(ComparedTable).row_count == 10


def test_a_hundred_runs_never_share_both_colour_and_marker() -> None:
    styles = [RunStyle(slot) for slot in range(COLOURS * len(MARKERS))]
    assert len({(style.marker, style.variable) for style in styles}) == len(styles)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_the_colours_of_runs_have_contrast_on_the_background(theme: Theme) -> None:
    def luminance(colour: Color) -> float:
        parts = [each / 255 for each in colour.rgb]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    behind = luminance(Color.parse(theme.background))
    for slot in range(COLOURS):
        light, dark = sorted((luminance(RunStyle(slot).colour(theme.variables)), behind), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_the_cost_of_an_epoch_counts_its_smaller_last_batch_and_no_pause() -> None:
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


def test_a_setting_changed_during_training_has_both_values() -> None:
    run = recorded("paused-otter")
    one = ComparedRun(run, RunStyle(0))
    one.load()
    assert one.history is not None
    assert settings_of(one.history)["learning rate"] == "0.01"
    one.history.apply(samples.setting_changed("learning_rate", "0.002"))
    assert settings_of(one.history)["learning rate"] == "0.01 → 0.002"


@pytest.mark.parametrize(
    ("suffix", "size", "shown"),
    [
        ("", (120, 40), r"3-epochs against 1-epochs: .+ · 100 test images"),
        ("-of-a-run-with-a-long-name", (80, 24), r"3-epochs-\S*… against 1-epochs-\S*…: .+, p [=<] \d\.\d+"),
    ],
    ids=["short names", "long names"],
)
async def test_the_run_under_the_cursor_is_tested_against_the_first_one(
    suffix: str, size: tuple[int, int], shown: str
) -> None:
    runs = []
    for epochs in (1, 3):
        recording = Recording.begin(home(), planned=epochs, name=f"{epochs}-epochs{suffix}")
        for _ in range(epochs):
            recording.end_epoch()
        recording.finish()
        runs.append(recording.run)
    words = re.compile(shown)
    async with comparing(runs, size=size) as (app, pilot, _):
        for keys in ((), ("down",)):
            await pilot.press(*keys)
            await wait_until(pilot, lambda: words.search(text(app)) is not None, "the difference is shown")

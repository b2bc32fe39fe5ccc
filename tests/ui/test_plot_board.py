"""The plots under keys and mouse, and how often they are drawn."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from textual.drivers._writer_thread import WriterThread
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from mnist_tui.events import GpuSample, LayerStats, Phase, RunFailed, SettingChanged
from mnist_tui.metrics import METRICS
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.panel import PlotPanel
from mnist_tui.ui.plots.readout import CursorReadout
from mnist_tui.ui.plots.scale import extent_of, scale_of
from mnist_tui.ui.plots.view import X_AXES, PlotView, Smoothing, visible_window
from mnist_tui.ui.terminal.back_pressure import is_behind
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run
from tests.kit.samples import CREATED
from tests.ui.program import lines, program, settled, text, wait_until
from tests.ui.stage import Stage, history

BRAILLE = re.compile("[⠁-⣿]")


class Board:
    """The plots alone, in an app of their own."""

    def __init__(self, pilot: Pilot[int], board: PlotBoard) -> None:
        self.pilot, self.board, self.app = pilot, board, pilot.app

    async def show(self, run: History, now: float = CREATED) -> None:
        self.board.show(run, now)
        await settled(self.pilot)

    def plot(self, key: str) -> PlotPanel:
        return self.board.query_one(f"#{key}", PlotPanel)

    @property
    def builds(self) -> int:
        return sum(panel.builds for panel in self.board.query(PlotPanel))


@asynccontextmanager
async def board_of(columns: int, rows: int) -> AsyncIterator[Board]:
    board = PlotBoard()
    async with Stage(board).run_test(size=(columns, rows)) as pilot:
        yield Board(pilot, board)


async def test_keys_change_the_view_of_all_plots() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        board = app.screen.query_one(PlotBoard)
        changes = {
            "x": PlotView("epochs"),
            "y": PlotView("epochs", log=True),
            "S": PlotView("epochs", log=True, smoothing="strong"),
            "N": PlotView("epochs", log=True, smoothing="strong", recent=True),
            "f": PlotView(),
        }
        subtitles = set()
        for key, view in changes.items():
            await pilot.press(key)
            await settled(pilot)
            assert board.view == view
            (subtitle,) = {str(panel.border_subtitle) for panel in board.visible_panels}
            assert text(app).count(f"─ {subtitle} ─") == 2
            subtitles.add(subtitle)
        assert len(subtitles) == len(changes)
        await pilot.press("z")
        assert board.view.window is not None


async def test_the_cursor_shows_what_was_recorded() -> None:
    replay = Replay()
    replay.to_step(1_200)
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run):
        async with app.run_test(size=(200, 60)) as pilot:
            await settled(pilot)
            assert app.session is not None
            table = app.session.view.history.steps
            assert not app.screen.query_one(CursorReadout).display
            await pilot.press("home", "right", "right")
            await settled(pilot)
            cursor = app.screen.query_one(PlotBoard).view.cursor
            assert cursor is not None
            assert cursor > 1
            loss, accuracy = (METRICS[key].format(float(table.column(key)[cursor - 1])) for key in ("loss", "accuracy"))
            readout = lines(app)[-2]
            for value in (
                f"step {cursor} ",
                f"epoch {cursor / 860:.2f} ",
                f"Loss {loss} ",
                "0.5663 (epoch 1)",
                accuracy,
            ):
                assert value in readout
            assert f"━ train {loss}" in text(app)
            assert sum("┃" in line for line in lines(app)) > 20
            await pilot.press("escape")
            await settled(pilot)
            assert "┃" not in text(app)


async def test_a_maximised_plot_fills_the_screen_and_tab_shows_the_next() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        board = app.screen.query_one(PlotBoard)
        before, seen = text(app), []
        await pilot.press("m")
        await settled(pilot)
        keys = [metric.key for metric in board.recorded]
        for _ in (*keys, "the first again"):
            seen.append(board.view.maximised)
            assert lines(app)[1].startswith(f"╭─ {METRICS[str(seen[-1])].label} ")
            assert "Model" not in text(app)
            assert len(BRAILLE.findall(text(app))) > 50
            await pilot.press("tab")
            await settled(pilot)
        assert seen == [*keys, keys[0]]
        await pilot.press("shift+tab")
        assert board.view.maximised == keys[0]
        await pilot.press("escape")
        await settled(pilot)
        assert text(app) == before
        await pilot.press("m", "m")
        await settled(pilot)
        assert text(app) == before


async def test_the_wheel_zooms_a_drag_pans_and_a_click_sets_the_cursor() -> None:
    async with board_of(60, 40) as shown:
        run, board, pilot = history(1_650), shown.board, shown.pilot
        await shown.show(run)
        plot = shown.plot("loss")
        whole = visible_window(board.view, extent_of(run))
        await pilot._post_mouse_events([MouseScrollUp], plot, (40, 5))
        await settled(pilot)
        window = board.view.window
        assert window is not None
        assert whole[0] < window[0] < window[1] < whole[1]
        await pilot.mouse_down(plot, (50, 5))
        await pilot.hover(plot, (40, 5))
        await pilot.mouse_up(plot, (40, 5))
        await settled(pilot)
        dragged = board.view.window
        assert dragged is not None
        assert dragged[0] > window[0]
        assert dragged[1] - dragged[0] == pytest.approx(window[1] - window[0])
        assert board.view.cursor is None
        await pilot.click(plot, (40, 5))
        await settled(pilot)
        cursor = board.view.cursor
        assert cursor is not None
        assert dragged[0] < cursor < dragged[1]
        column = next(line.index("┃") for line in lines(shown.app) if "┃" in line)
        assert abs(column - 40) <= 1


async def test_values_that_are_not_finite_are_counted_and_marked() -> None:
    async with board_of(60, 40) as shown:
        run = history(100)
        run.apply_all(samples.step_ended(step, loss=None) for step in range(101, 140))
        run.apply_all(samples.step_ended(step, loss=0.5) for step in range(140, 301))
        await shown.show(run)
        screen = lines(shown.app)
        assert re.search(r"× .*\b39\b", screen[0])
        axis = next(line for line in screen if "└" in line)
        columns = [column for column, character in enumerate(axis) if character == "×"]
        assert len(columns) > 5
        middle = columns[len(columns) // 2]
        assert not any(BRAILLE.match(line[middle]) for line in screen[1:14] if "│" in line or "┤" in line)


def clock_jumps_back() -> History:
    run = history()
    run.apply_all(samples.step_ended(step, time=CREATED + step - 9_000 * (step >= 50)) for step in range(1, 99))
    return run


def run_of_steps(count: int, **changes: object) -> Callable[[], History]:
    def build() -> History:
        run = history()
        run.apply_all(samples.step_ended(step, **changes) for step in range(1, count + 1))
        return run

    return build


def unknown_epochs() -> History:
    run = History(samples.record())
    run.apply_all(samples.steps(60))
    return run


@pytest.mark.parametrize(
    "build",
    [
        history,
        run_of_steps(1),
        run_of_steps(98, loss=None, accuracy=None),
        run_of_steps(98, loss=-1.0, learning_rate=0.0),
        clock_jumps_back,
        unknown_epochs,
    ],
    ids=["nothing", "one step", "only NaN", "negative", "clock jumps back", "no epochs"],
)
async def test_odd_runs_are_drawn_or_left_blank(build: Callable[[], History]) -> None:
    async with board_of(100, 40) as shown:
        await shown.show(build())
        for axis in X_AXES:
            shown.board.set_view(PlotView(axis=axis, log=axis == "time", cursor=1))
            for command in ("log", "right", "closer", "log", "recent", "pan_left", "one", "next", "back", "smoothing"):
                shown.board.action_plots(command)
            await settled(shown.pilot)
        for size in ((3, 2), (5, 5), (14, 4), (80, 24)):
            await shown.pilot.resize_terminal(*size)
            await settled(shown.pilot)
            assert size[0] < 14 or {len(line) for line in lines(shown.app)} == {size[0]}


def history_with_a_pause() -> History:
    """Return a hundred steps, an hour's pause, and a hundred more."""
    run = history(100)
    run.apply(SettingChanged(time=CREATED + 20, setting="pause", value="after this batch", by="ada", step=100))
    run.apply(samples.phase_changed(Phase.PAUSED, 18.0))
    run.apply(samples.phase_changed(Phase.TRAINING, 3_618.0))
    run.apply_all(samples.step_ended(step, time=CREATED + 3_608 + step / 10) for step in range(101, 201))
    return run


@pytest.mark.parametrize("smoothing", ["light", "off"])
async def test_a_pause_is_a_gap_on_the_clock_and_takes_no_room_on_the_axis_of_training_time(
    smoothing: Smoothing,
) -> None:
    run = history_with_a_pause()
    assert scale_of(run, PlotView("time")).limits[1] < 60
    async with board_of(100, 30) as shown:
        shown.board.set_view(PlotView("clock", maximised="loss", smoothing=smoothing))
        await shown.show(run)
        scale = scale_of(run, shown.board.view)
        assert scale.divisor == 60
        assert 60 <= scale.limits[1] < 100
        canvas = lines(shown.app)[1:-4]
        drawn = [column for column in range(5, 98) if any(BRAILLE.match(line[column]) for line in canvas)]
        gap = max(after - before for before, after in itertools.pairwise(drawn))
        assert gap > 50 >= len(drawn)  # ten seconds before the hour, ten seconds after it
    for position in (0.2, 60.4):
        step = scale.step_at(run, position)
        assert float(scale.positions(run, np.array([step]))[0]) == pytest.approx(position, abs=0.02)


async def test_sampled_metrics_have_plots() -> None:
    async with board_of(100, 90) as shown:
        run = history(100)
        run.apply(samples.hardware_sampled(engine_cpu=180.0))
        for step in (20, 60, 100):
            run.apply(LayerStats(time=CREATED + 9, step=step, gradient_norm=step / 100, layers=()))
        await shown.show(run)
        for key, value in (("gradient_norm", 1.0), ("engine_cpu", 180.0)):
            assert f"{METRICS[key].label}  {METRICS[key].format(value)}" in text(shown.app)
        assert not any(metric.is_of_gpu for metric in shown.board.recorded)


async def test_each_gpu_has_its_own_line_and_value_and_missing_values_have_no_plot() -> None:
    async with board_of(100, 30) as shown:
        run = history(100)
        for second in range(9):
            gpus = tuple(
                GpuSample(f"H100 {number}", utilisation=utilisation + second, memory_used=3_000_000_000)
                for number, utilisation in enumerate((90.0, 40.0))
            )
            run.apply(samples.hardware_sampled(gpus=gpus))
            run.apply_all(samples.step_ended(101 + 10 * second + each) for each in range(10))
        shown.board.set_view(PlotView(maximised="gpu_utilisation"))
        await shown.show(run)
        assert "━ 0 98 %  ━ 1 48 %" in lines(shown.app)[0]
        rows = [number for number, line in enumerate(lines(shown.app)[1:-4]) if BRAILLE.search(line)]
        assert max(after - before for before, after in itertools.pairwise(rows)) > 10  # two lines, far apart
        await shown.pilot.press("home", "end", *["left"] * 3)
        assert re.search("━ 0 9\\d %  ━ 1 4\\d %", text(shown.app))
        keys = {metric.key for metric in shown.board.recorded}
        assert {"gpu_memory_used", "machine_cpu", "engine_memory", "machine_memory"} <= keys
        assert not {"gpu_power", "gpu_clock", "gpu_temperature"} & keys


async def test_plots_are_drawn_for_changes_only_and_at_a_limited_rate_for_steps() -> None:
    async with board_of(80, 40) as shown:
        run = history(100)
        await shown.show(run)
        before = shown.builds
        for second in range(3):
            await shown.show(run, CREATED + second)
        assert shown.builds == before
        for step in range(101, 141):
            run.apply(samples.step_ended(step))
            shown.board.show(run, CREATED + 5 + step / 40)
        assert shown.builds - before <= 2 * 2


async def test_the_event_loop_gets_a_turn_between_two_plots() -> None:
    async with board_of(160, 60) as shown:
        run = history(100)
        await shown.show(run)
        most, seen, before = 0, shown.builds, shown.builds

        async def watch_every_turn() -> None:
            nonlocal most, seen
            while True:
                most, seen = max(most, shown.builds - seen), shown.builds
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch_every_turn())
        await asyncio.sleep(0)
        shown.board.set_view(PlotView(log=True))
        await settled(shown.pilot)
        plots = len(shown.board.visible_panels)
        assert plots > 2
        assert shown.builds - before == plots
        run.apply_all(samples.step_ended(step) for step in range(101, 120))
        await shown.show(run, CREATED + 60)
        assert shown.builds - before == 2 * plots
        watching.cancel()
        assert most == 1


async def test_all_plots_of_a_run_that_is_over_show_its_last_step() -> None:
    async with board_of(160, 60) as shown:
        run = history(100)
        await shown.show(run)
        before = {panel: panel.builds for panel in shown.board.visible_panels}
        run.apply(samples.step_ended(101))
        run.apply(RunFailed(time=CREATED + 1, error="the disk is full"))
        await shown.show(run, CREATED + 0.1)
        assert all(panel.builds == builds + 1 for panel, builds in before.items())


async def test_frames_are_dropped_while_the_terminal_is_behind_and_drawn_later() -> None:
    waiting = 5
    async with board_of(80, 40) as shown:
        run, board = history(100), shown.board
        await shown.show(run)
        before = shown.builds
        assert shown.app._driver is not None
        queue = SimpleNamespace(qsize=lambda: waiting)
        shown.app._driver._writer_thread = SimpleNamespace(_queue=queue)  # type: ignore[attr-defined]
        run.apply(samples.step_ended(101))
        await shown.show(run, CREATED + 10)
        assert shown.builds == before
        assert board.dropped_frames > 0
        board.action_plots("log")  # a change of the view is drawn at once
        assert shown.builds > before
        drawn = shown.builds
        run.apply(samples.step_ended(102))
        board.show(run, CREATED + 20)
        assert shown.builds == drawn
        waiting = 0
        await wait_until(shown.pilot, lambda: shown.builds > drawn, "the dropped frame")
        del shown.app._driver._writer_thread  # type: ignore[attr-defined]


@pytest.mark.parametrize(("writes", "behind"), [(0, False), (1, False), (2, True), (5, True)])
def test_the_terminal_is_behind_while_two_writes_wait_in_the_queue_of_textuals_writer(
    writes: int, behind: bool
) -> None:
    writer = WriterThread(StringIO())  # not started: nothing takes from its queue
    for _ in range(writes):
        writer.write("frame")
    app = SimpleNamespace(_driver=SimpleNamespace(_writer_thread=writer))
    assert is_behind(app) is behind  # type: ignore[arg-type]


@pytest.mark.parametrize("driver", [SimpleNamespace(_writer_thread=None), SimpleNamespace(), None])
def test_no_frame_is_dropped_without_textuals_writer(driver: object) -> None:
    assert not is_behind(SimpleNamespace(_driver=driver))  # type: ignore[arg-type]

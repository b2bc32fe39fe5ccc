"""The plots as a person uses them: keys, the mouse, what is read off, and what is not built for a slow terminal."""

import asyncio
import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from mnist_tui.events import GpuSample, HardwareSampled, LayerStats, Phase, PhaseChanged, RunFailed, SettingChanged
from mnist_tui.metrics import METRICS_BY_KEY
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.panel import PlotPanel
from mnist_tui.ui.plots.readout import CursorReadout
from mnist_tui.ui.plots.scale import extent_of, scale_of
from mnist_tui.ui.plots.view import X_AXES, PlotView, Smoothing, shown
from mnist_tui.ui.terminal import back_pressure
from mnist_tui.ui.theme import DARK
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time, recorded_run
from tests.kit.samples import CREATED
from tests.ui.program import lines, program, settled, text, wait_until

BRAILLE = re.compile("[⠁-⣿]")


class Stage(App[int]):
    """The plots and the read-out alone."""

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield PlotBoard()

    @property
    def board(self) -> PlotBoard:
        return self.query_one(PlotBoard)

    def plot(self, key: str) -> PlotPanel:
        return next(panel for panel in self.query(PlotPanel) if panel.metric.key == key)


def history(steps: int = 0, **changes: object) -> History:
    """A run of three epochs of 550 steps, so far."""
    made = History(samples.record())
    made.apply(PhaseChanged(time=CREATED, phase=Phase.TRAINING))
    made.apply(samples.run_started())
    made.apply_all(samples.step_ended(step, loss=1 / step, **changes) for step in range(1, steps + 1))
    return made


def built(app: Stage) -> int:
    return sum(panel.builds for panel in app.query(PlotPanel))


async def shown_with(app: Stage, pilot: Pilot[int], made: History, now: float = CREATED) -> None:
    app.board.show(made, now)
    await settled(pilot)


async def test_keys_change_all_plots_at_once() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert text(app).count("─ steps ─") == 2
        await pilot.press("x")
        await settled(pilot)
        assert text(app).count("─ epochs ─") == 2
        await pilot.press("x", "y")
        await settled(pilot)
        assert text(app).count("─ log y · seconds of work ─") == 2
        await pilot.press("S")
        await settled(pilot)
        assert text(app).count("─ smoothed strongly · log y · seconds of work ─") == 2
        await pilot.press("w")
        await settled(pilot)
        assert text(app).count("newest steps · log y · ") == 2
        await pilot.press("z")
        await settled(pilot)
        assert text(app).count("zoomed · log y") == 2
        await pilot.press("0")
        await settled(pilot)
        assert text(app).count("─ steps ─") == 2


async def test_the_cursor_reads_off_exactly_what_was_recorded() -> None:
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
            view = app.screen.query_one(PlotBoard).view
            assert view.cursor is not None
            assert view.cursor > 1
            loss = METRICS_BY_KEY["loss"].format(float(table.column("loss")[view.cursor - 1]))
            accuracy = METRICS_BY_KEY["accuracy"].format(float(table.column("accuracy")[view.cursor - 1]))
            line = lines(app)[-2]
            assert line.startswith(f" step {view.cursor} · epoch {view.cursor / 860:.2f} · after 00:")
            assert f"Loss {loss} · val 0.5663 (epoch 1)" in line
            assert f"Accuracy {accuracy}" in line
            assert f"━ train {loss}" in text(app)
            assert sum("┃" in each for each in lines(app)) > 20
            await pilot.press("escape")
            await settled(pilot)
            assert "┃" not in text(app)
            assert app.screen.query_one(PlotBoard).view.cursor is None


async def test_one_plot_fills_the_screen_tab_goes_to_the_next_and_escape_back() -> None:
    app = program(recorded_run(), Clock(finishing_time()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        before = text(app)
        await pilot.press("m")
        await settled(pilot)
        seen = []
        for _ in range(10):
            seen.append(lines(app)[1].split()[1])
            assert "Model" not in text(app)
            assert len(BRAILLE.findall(text(app))) > 50
            await pilot.press("tab")
            await settled(pilot)
        assert seen == [
            *("Loss", "Accuracy", "Learning", "Gradient", "Images"),
            *("Engine", "Machine", "Engine", "Machine", "Loss"),
        ]
        await pilot.press("shift+tab")
        await settled(pilot)
        assert lines(app)[1].split()[1] == "Loss"
        await pilot.press("escape")
        await settled(pilot)
        assert text(app) == before
        await pilot.press("m", "m")
        await settled(pilot)
        assert text(app) == before


async def test_the_wheel_zooms_at_the_pointer_a_drag_pans_and_a_click_points() -> None:
    app = Stage()
    async with app.run_test(size=(60, 40)) as pilot:
        made = history(1_650)
        await shown_with(app, pilot, made)
        plot = app.plot("loss")
        whole = shown(app.board.view, extent_of(made))
        await pilot._post_mouse_events([MouseScrollUp], plot, (40, 5))
        await settled(pilot)
        window = app.board.view.window
        assert window is not None
        assert whole[0] < window[0] < window[1] < whole[1]
        await pilot.mouse_down(plot, (50, 5))
        await pilot.hover(plot, (40, 5))
        await pilot.mouse_up(plot, (40, 5))
        await settled(pilot)
        dragged = app.board.view.window
        assert dragged is not None
        assert dragged[0] > window[0]
        assert dragged[1] - dragged[0] == pytest.approx(window[1] - window[0])
        assert app.board.view.cursor is None
        await pilot.click(plot, (40, 5))
        await settled(pilot)
        cursor = app.board.view.cursor
        assert cursor is not None
        assert dragged[0] < cursor < dragged[1]
        column = next(line.index("┃") for line in lines(app) if "┃" in line)
        assert abs(column - 40) <= 1


async def test_what_is_no_number_is_counted_and_marked_where_it_is() -> None:
    app = Stage()
    async with app.run_test(size=(60, 40)) as pilot:
        made = history(100)
        made.apply_all(samples.step_ended(step, loss=None) for step in range(101, 140))
        made.apply_all(samples.step_ended(step, loss=0.5) for step in range(140, 301))
        await shown_with(app, pilot, made)
        assert "× not finite 39" in text(app)
        axis = next(line for line in lines(app) if "└" in line)
        places = [place for place, letter in enumerate(axis) if letter == "×"]
        assert len(places) > 5
        canvas = [line for line in lines(app)[1:14] if "│" in line or "┤" in line]
        middle = places[len(places) // 2]
        assert not any(BRAILLE.match(line[middle]) for line in canvas)


@pytest.mark.parametrize("kind", ["one step", "only NaN", "clock jumps back", "nothing", "negative", "no epochs"])
async def test_strange_runs_are_drawn_or_left_blank_and_never_crash(kind: str) -> None:
    made = history()
    if kind == "one step":
        made.apply(samples.step_ended(1))
    elif kind == "only NaN":
        made.apply_all(samples.step_ended(step, loss=None, accuracy=None) for step in range(1, 99))
    elif kind == "clock jumps back":
        made.apply_all(
            samples.step_ended(step, time=CREATED + (step if step < 50 else step - 9_000)) for step in range(1, 99)
        )
    elif kind == "negative":
        made.apply_all(samples.step_ended(step, loss=-float(step), learning_rate=0.0) for step in range(1, 99))
    elif kind == "no epochs":
        made = History(samples.record())
        made.apply_all(samples.steps(60))
    app = Stage()
    async with app.run_test(size=(100, 40)) as pilot:
        await shown_with(app, pilot, made)
        for axis in X_AXES:
            app.board.look(PlotView(axis=axis, log=axis == "time", cursor=1))
            for what in ("log", "right", "closer", "log", "recent", "pan_left", "one", "next", "back", "smoothing"):
                app.board.action_plots(what)
            await settled(pilot)
        for size in ((3, 2), (5, 5), (14, 4), (80, 24)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert size[0] < 14 or {len(line) for line in lines(app)} == {size[0]}


def history_with_a_pause() -> History:
    """A hundred steps, an hour's pause, and a hundred more."""
    made = history(100)
    made.apply(SettingChanged(time=CREATED + 20, setting="pause", value="after this batch", by="ada", step=100))
    made.apply(samples.phase_changed(Phase.PAUSED, 18.0))
    made.apply(samples.phase_changed(Phase.TRAINING, 3_618.0))
    made.apply_all(samples.step_ended(step, time=CREATED + 3_608 + step / 10) for step in range(101, 201))
    return made


def test_a_pause_takes_no_room_on_the_axis_of_work() -> None:
    assert scale_of(history_with_a_pause(), PlotView("time")).limits[1] < 60


@pytest.mark.parametrize("smoothing", ["light", "off"])
async def test_a_pause_is_a_gap_by_the_clock(smoothing: Smoothing) -> None:
    made = history_with_a_pause()
    app = Stage()
    async with app.run_test(size=(100, 30)) as pilot:
        app.board.look(PlotView("clock", maximised="loss", smoothing=smoothing))
        await shown_with(app, pilot, made)
        scale = scale_of(made, app.board.view)
        assert scale.unit == "minutes by the clock"
        assert 60 <= scale.limits[1] < 100
        assert "minutes by the clock" in text(app)
        drawn = [column for column in range(5, 98) if any(BRAILLE.match(line[column]) for line in lines(app)[1:-4])]
        gap = max(after - before for before, after in itertools.pairwise(drawn))
        assert gap > 50 >= len(drawn)  # two stretches of ten seconds, and nothing in the hour between them
    for place in (0.2, 60.4):
        there = scale.step_at(made, place)
        assert float(scale.places(made, np.array([there]))[0]) == pytest.approx(place, abs=0.02)


async def test_a_metric_that_was_sampled_now_and_then_has_its_plot() -> None:
    app = Stage()
    async with app.run_test(size=(100, 90)) as pilot:
        made = history(100)
        made.apply(
            HardwareSampled(time=CREATED + 9, engine_cpu=180.0, engine_memory=1, machine_cpu=90.0, machine_memory=2)
        )
        for step in (20, 60, 100):
            made.apply(LayerStats(time=CREATED + 9, step=step, gradient_norm=step / 100, layers=()))
        await shown_with(app, pilot, made)
        assert "Gradient norm  1.0000" in text(app)
        assert "Engine CPU  180 % of a core" in text(app)
        assert "GPU" not in text(app)


def gpu(number: int, utilisation: float, power: float | None = None) -> GpuSample:
    return GpuSample(f"H100 {number}", utilisation=utilisation, memory_used=3_000_000_000, power=power)


async def test_every_gpu_has_a_line_and_a_value_of_its_own_and_what_is_refused_has_no_plot() -> None:
    app = Stage()
    async with app.run_test(size=(100, 30)) as pilot:
        made = history(100)
        for second in range(9):
            gpus = (gpu(0, 90.0 + second), gpu(1, 40.0 + second))
            made.apply(
                HardwareSampled(
                    time=CREATED + 9, engine_cpu=1.0, engine_memory=1, machine_cpu=9.0, machine_memory=2, gpus=gpus
                )
            )
            made.apply_all(samples.step_ended(101 + 10 * second + each) for each in range(10))
        app.board.look(PlotView(maximised="gpu_utilisation"))
        await shown_with(app, pilot, made)
        assert "GPU  ━ 0 98 %  ━ 1 48 %" in text(app)
        rows = [number for number, line in enumerate(lines(app)[1:-4]) if BRAILLE.search(line)]
        assert max(after - before for before, after in itertools.pairwise(rows)) > 10  # two lines, far apart
        await pilot.press("home", "end", *["left"] * 3)
        assert re.search("━ 0 9\\d %  ━ 1 4\\d %", text(app))
        keys = {metric.key for metric in app.board.recorded}
        assert {"gpu_memory_used", "machine_cpu", "engine_memory", "machine_memory"} <= keys
        assert not {"gpu_power", "gpu_clock", "gpu_temperature"} & keys


async def test_nothing_is_built_when_nothing_changed_and_seldom_while_steps_come() -> None:
    app = Stage()
    async with app.run_test(size=(80, 40)) as pilot:
        made = history(100)
        await shown_with(app, pilot, made)
        before = built(app)
        for second in range(3):
            await shown_with(app, pilot, made, CREATED + second)
        assert built(app) == before
        for step in range(101, 141):
            made.apply(samples.step_ended(step))
            app.board.show(made, CREATED + 5 + step / 40)
        assert built(app) - before <= 2 * 2


async def test_between_two_plots_there_is_room_for_a_key() -> None:
    app = Stage()
    async with app.run_test(size=(160, 60)) as pilot:
        made = history(100)
        await shown_with(app, pilot, made)
        most, seen, before = 0, built(app), built(app)

        async def watch_every_turn() -> None:
            nonlocal most, seen
            while True:
                most, seen = max(most, built(app) - seen), built(app)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch_every_turn())
        await asyncio.sleep(0)
        app.board.look(PlotView(log=True))
        await settled(pilot)
        plots = len(app.board.panels_shown)
        assert plots > 2
        assert built(app) - before == plots
        made.apply_all(samples.step_ended(step) for step in range(101, 120))
        await shown_with(app, pilot, made, CREATED + 60)
        assert built(app) - before == 2 * plots
        watching.cancel()
        assert most == 1


async def test_all_plots_of_a_run_that_is_over_have_its_last_step() -> None:
    app = Stage()
    async with app.run_test(size=(160, 60)) as pilot:
        made = history(100)
        await shown_with(app, pilot, made)
        before = {panel: panel.builds for panel in app.board.panels_shown}
        made.apply(samples.step_ended(101))
        made.apply(RunFailed(time=CREATED + 1, error="the disk is full"))
        await shown_with(app, pilot, made, CREATED + 0.1)
        assert all(panel.builds == builds + 1 for panel, builds in before.items())


async def test_frames_are_dropped_while_the_terminal_is_behind_and_caught_up_with_later() -> None:
    waiting = 5
    queue = SimpleNamespace(qsize=lambda: waiting)
    app = Stage()
    async with app.run_test(size=(80, 40)) as pilot:
        made = history(100)
        await shown_with(app, pilot, made)
        before = built(app)
        assert app._driver is not None
        app._driver._writer_thread = SimpleNamespace(_queue=queue)  # type: ignore[attr-defined]
        made.apply(samples.step_ended(101))
        await shown_with(app, pilot, made, CREATED + 10)
        assert built(app) == before
        assert app.board.dropped > 0
        app.board.action_plots("log")  # what somebody asks for is not dropped
        assert built(app) > before
        asked = built(app)
        made.apply(samples.step_ended(102))
        app.board.show(made, CREATED + 20)
        assert built(app) == asked
        waiting = 0
        await wait_until(pilot, lambda: built(app) > asked, "the frame that was dropped")
        del app._driver._writer_thread  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("driver", "behind"),
    [
        (SimpleNamespace(_writer_thread=SimpleNamespace(_queue=SimpleNamespace(qsize=lambda: 2))), True),
        (SimpleNamespace(_writer_thread=SimpleNamespace(_queue=SimpleNamespace(qsize=lambda: 1))), False),
        (SimpleNamespace(_writer_thread=None), False),
        (SimpleNamespace(), False),
        (None, False),
    ],
)
def test_another_textual_means_that_no_frame_is_ever_dropped(driver: object, behind: bool) -> None:
    app = SimpleNamespace(_driver=driver)
    assert back_pressure.is_behind(app) is behind  # type: ignore[arg-type]

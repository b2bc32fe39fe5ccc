"""CPU time of one frame's plots, for short and long runs."""

import asyncio
import statistics
import time

import numpy as np
from textual.app import App, ComposeResult

from mnist_tui.events import Phase, PhaseChanged, StepEnded
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.panel import PlotPanel
from mnist_tui.ui.theme import DARK
from tests.bench.result import Result
from tests.kit import samples

FEW, MANY = 1_000, 1_000_000
SIZE, BOARD = (120, 40), (60, 37)
"""Sizes of the terminal, and of the plots on the training screen."""
ROUNDS = 60
BARS = {"ratio": 1.2, "milliseconds": 25.0}


class Stage(App[None]):
    """An app with the plots of the training screen."""

    CSS = f"PlotBoard {{ width: {BOARD[0]}; height: {BOARD[1]}; }}"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield PlotBoard()


def frame() -> Result:
    """CPU milliseconds of one frame's plots of 1,000,000 steps at 120x40, and the ratio to 1,000 steps; medians."""
    few, many = asyncio.run(_measured())
    ratio = statistics.median(large / small for small, large in zip(few, many, strict=True))
    figures = {"ratio": round(ratio, 3), "milliseconds": round(statistics.median(many) * 1e3, 2)}
    return Result.worst(
        figures,
        BARS,
        rounds=ROUNDS,
        milliseconds_of_1000_steps=round(statistics.median(few) * 1e3, 2),
        milliseconds_quartiles=[round(each * 1e3, 2) for each in statistics.quantiles(many, n=4)],
    )


async def _measured() -> tuple[list[float], list[float]]:
    """Return the CPU seconds of each round for both runs, with one more step per frame."""
    runs = [history(FEW), history(MANY)]
    seconds: tuple[list[float], list[float]] = ([], [])
    app = Stage()
    async with app.run_test(size=SIZE) as pilot:
        board = app.query_one(PlotBoard)
        for run in runs:
            board.show(run, 0.0)
            await pilot.pause()
        panels = [panel for panel in board.query(PlotPanel) if panel.has_class("-shown")]
        assert len(panels) == 2
        now = 0.0
        for _ in range(ROUNDS):
            for run, spent in zip(runs, seconds, strict=True):
                now += 10.0
                run.apply(step(run.last_step + 1))
                builds = sum(panel.builds for panel in panels)
                began = time.process_time()
                board.show(run, now)
                while board.build_next():
                    pass
                spent.append(time.process_time() - began)
                assert sum(panel.builds for panel in panels) == builds + len(panels)
    return seconds


def step(number: int) -> StepEnded:
    """Return a step with a noisy, falling loss."""
    noise = np.random.default_rng(number).normal()
    loss = 2.3 / (1 + number / 50) + 0.1 * abs(noise)
    return samples.step_ended(number, loss=loss, accuracy=1 - min(0.9, loss / 3))


def history(steps: int) -> History:
    """Return a run with this number of steps."""
    made = History(samples.record(epochs=-(-MANY // 550)))
    made.apply(PhaseChanged(time=samples.CREATED, phase=Phase.TRAINING))
    made.apply(samples.run_started())
    made.apply_all(samples.step_ended(one, loss=one % 97 / 97, accuracy=one % 89 / 89) for one in range(1, steps + 1))
    return made

"""What one frame's plots cost, however long the run."""

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
from tests.bench.result import Result, worst_of
from tests.kit import samples

FEW, MANY = 1_000, 1_000_000
SIZE, BOARD = (120, 40), (60, 37)
"""The terminal, and what the training screen's plots have of it."""
ROUNDS = 60
BARS = {"ratio": 1.2, "milliseconds": 25.0}


class Stage(App[None]):
    """The plots alone, as large as on the training screen."""

    CSS = f"PlotBoard {{ width: {BOARD[0]}; height: {BOARD[1]}; }}"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield PlotBoard()


def frame() -> Result:
    """One frame's plots at 120x40 from 1,000,000 steps: CPU time, and its ratio to that from 1,000; medians."""
    few, many = asyncio.run(_measured())
    ratio = statistics.median(large / small for small, large in zip(few, many, strict=True))
    figures = {"ratio": round(ratio, 3), "milliseconds": round(statistics.median(many) * 1e3, 2)}
    return Result(
        value=worst_of(figures, BARS),
        unit="of its bar, the worst of both",
        bar=1.0,
        raw={
            **figures,
            "bars": BARS,
            "rounds": ROUNDS,
            "milliseconds_of_1000_steps": round(statistics.median(few) * 1e3, 2),
            "milliseconds_quartiles": [round(each * 1e3, 2) for each in statistics.quantiles(many, n=4)],
        },
    )


async def _measured() -> tuple[list[float], list[float]]:
    """Seconds of CPU time for each of the rounds, of both runs in turns; each frame has one step more than before."""
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
    """A step of a run that learns, with noise."""
    noise = np.random.default_rng(number).normal()
    loss = 2.3 / (1 + number / 50) + 0.1 * abs(noise)
    return samples.step_ended(number, loss=loss, accuracy=1 - min(0.9, loss / 3))


def history(steps: int) -> History:
    """A run of so many steps."""
    made = History(samples.record(epochs=-(-MANY // 550)))
    made.apply(PhaseChanged(time=samples.CREATED, phase=Phase.TRAINING))
    made.apply(samples.run_started())
    made.apply_all(samples.step_ended(one, loss=one % 97 / 97, accuracy=one % 89 / 89) for one in range(1, steps + 1))
    return made

"""Time to show mistakes: a step of time travel, a page of the gallery, a cell of the confusion matrix.

In one process, without a terminal: from the action to the last line that is drawn, in a window of 120 x 40. The screens
are those of the program, the recordings made up (tests/recorded.py): 5,000 digits, and 60,000 for opening a cell.
"""

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np

from mnist_tui.analysis.query import Query
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.digits.screen import DigitsScreen
from tests.bench.result import Result
from tests.kit.recorded import Recording
from tests.ui.host import Host, settled

DIGITS = 5_000
MAX_DIGITS = 60_000
"""Images of the largest data set, some of which repeat."""
EPOCHS = 50
TRIES = 40

Measure = Callable[[Host, DigitsScreen], Awaitable[list[float]]]


def time_travel() -> Result:
    """Milliseconds from [ or ] to the gallery of another epoch, 5,000 digits and 50 epochs; 95th percentile."""

    async def measure(app: Host, screen: DigitsScreen) -> list[float]:
        took = []
        rng = np.random.default_rng(0)
        for _ in range(TRIES):
            point = app.session.point
            assert point is not None
            assert point.epoch is not None
            step = -1 if point.epoch == EPOCHS or (point.epoch > 1 and rng.random() < 0.6) else 1
            target = EvaluationPoint(VALIDATION, point.epoch + step)
            began = time.perf_counter()
            screen.action_travel(step)
            while screen.findings is None or screen.findings.predictions.point != target:
                await asyncio.sleep(0)
            took.append(_painted(app, began))
            await asyncio.sleep(0.02)
        return took

    return _run(measure, DIGITS, EPOCHS, 50.0)


def gallery_page() -> Result:
    """Milliseconds from PgDn to a page of digits that were never drawn before, of 5,000; 95th percentile."""

    async def measure(app: Host, screen: DigitsScreen) -> list[float]:
        took = []
        screen.set_filter(Query())
        for _ in range(TRIES):
            began = time.perf_counter()
            screen.query_one(Gallery).action_move("pagedown")
            took.append(_painted(app, began))
            await asyncio.sleep(0.02)
        return took

    return _run(measure, DIGITS, 1, 30.0)


def open_cell() -> Result:
    """Milliseconds from Enter on a cell of the confusion matrix to its digits, of 50,000; 95th percentile."""

    async def measure(app: Host, screen: DigitsScreen) -> list[float]:
        took = []
        for place in range(TRIES):
            began = time.perf_counter()
            screen.set_filter(Query.cell(place % 10, (place // 10 + place) % 10))
            took.append(_painted(app, began))
            await asyncio.sleep(0.02)
        return took

    return _run(measure, MAX_DIGITS, 1, 50.0)


def _painted(app: Host, began: float) -> float:
    app.screen._compositor.render_strips()
    return (time.perf_counter() - began) * 1000


def _run(measure: Measure, digits: int, epochs: int, bar: float) -> Result:
    with tempfile.TemporaryDirectory() as home:
        recording = Recording.begin(Path(home), planned=epochs, n=digits)
        for _ in range(epochs):
            recording.end_epoch()
        took = asyncio.run(_measured(recording, measure))
    return Result(
        value=round(float(np.percentile(took, 95)), 1),
        unit="ms",
        bar=bar,
        raw={
            "digits": digits,
            "epochs": epochs,
            "tries": len(took),
            "median": round(statistics.median(took), 1),
            "max": round(max(took), 1),
            "milliseconds": [round(each, 1) for each in took],
        },
    )


async def _measured(recording: Recording, measure: Measure) -> list[float]:
    app = Host(recording.run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        gc.freeze()  # as the program does when it opens a run
        screen = app.screen
        assert isinstance(screen, DigitsScreen)
        return await measure(app, screen)

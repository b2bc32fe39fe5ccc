"""What a screen sends over the line, and what a slow line does to it."""

import shutil
import statistics
import time
from pathlib import Path

from mnist_tui.bench.engines import temporary_home
from tests.bench.line import LAYER, Line
from tests.bench.result import Result, worst_of
from tests.bench.training import PROGRAM, SIZE, end, environment, speed, steps, training
from tests.e2e.terminal import Terminal
from tests.kit.recording import RECORDING

WATCHED_SECONDS = 20.0
IDLE_SECONDS = 10.0
SETTLING_SECONDS = 4.0
SLOW = 20_000
"""Bytes a second."""
SLOW_KEYS = 12
BARS = {"training_bytes_per_second": 10_000.0, "idle_bytes": 0.0, "slow_key_seconds": 0.5}
BATCH = 64


def link() -> Result:
    """Bytes a second while training and idle, and keys over a line of 20 KB/s, in shares of their bars."""
    with temporary_home() as home:
        with training(home, "--epochs", "20") as (terminal, run):
            line = Line(terminal)
            line.drain(SETTLING_SECONDS)
            began = time.time()
            sent = line.drain(WATCHED_SECONDS) / WATCHED_SECONDS
            free = (began, time.time())
            line.focus_layers()
            slow = Line(terminal, rate=SLOW)
            began = time.time()
            answers = []
            for number in range(SLOW_KEYS):
                slow.drain(1.5)
                answers.append(slow.press(("down", "up")[number % 2], LAYER))
            held = (began, time.time())
            recorded = steps(run)
            end(terminal)
        idle = _idle_bytes(home)
    seconds = [99.0 if one is None else one for one in answers]
    speeds = [speed(recorded, BATCH, *span) for span in (free, held)]
    figures = {
        "training_bytes_per_second": round(sent),
        "idle_bytes": idle,
        "slow_key_seconds": round(max(seconds), 3),
    }
    return Result(
        value=worst_of(figures, BARS),
        unit="of its bar, the worst of the three",
        bar=1.0,
        raw={
            **figures,
            "bars": BARS,
            "slow_key_median_seconds": round(statistics.median(seconds), 3),
            "slow_over_fast_line_images_per_second": round(speeds[1] / speeds[0], 3),
        },
    )


def finished_run(home: Path) -> None:
    """The recorded run, finished, below a home."""
    shutil.copytree(RECORDING.path, home / RECORDING.record().id)


def _idle_bytes(home: Path) -> int:
    finished_run(home)
    with Terminal([*PROGRAM, "attach", RECORDING.record().id], SIZE, environment(home)) as terminal:
        terminal.wait_for("test accuracy")
        line = Line(terminal)
        line.drain(SETTLING_SECONDS)
        sent = line.drain(IDLE_SECONDS)
        end(terminal)
    return sent

"""Bytes and CPU time of the screen, and its speed on a slow line."""

import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from mnist_tui.bench.engines import temporary_home
from tests.bench.line import LAYER, Line
from tests.bench.result import Result
from tests.bench.training import PROGRAM, SIZE, end, environment, speed, steps, training
from tests.e2e.terminal import Terminal
from tests.kit.recording import RECORDING

WATCHED_SECONDS = 20.0
IDLE_SECONDS = 10.0
SETTLING_SECONDS = 4.0
SLOW = 20_000
"""Bytes per second of the slow line."""
SLOW_KEYS = 12
BARS = {"training_bytes_per_second": 4_096.0, "idle_bytes": 0.0, "slow_key_seconds": 0.5}
CPU_SECONDS = 30.0
CPU_BARS = {"watching_percent": 15.0, "idle_percent": 1.0}
BATCH = 64


def link() -> Result:
    """Bytes per second while training and idle, and latency on a line of 20 KB/s, as shares of their bars."""
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
    return Result.worst(
        figures,
        BARS,
        slow_key_median_seconds=round(statistics.median(seconds), 3),
        slow_over_fast_line_images_per_second=round(speeds[1] / speeds[0], 3),
    )


def watch() -> Result:
    """CPU of the screen at 120x40, in percent of a core, while `fast` trains and over a finished run."""
    with temporary_home() as home:
        with training(home, "--epochs", "20") as (terminal, _):
            watching = _cpu_percent(terminal)
            end(terminal)
        with finished_run(home) as terminal:
            idle = _cpu_percent(terminal)
            end(terminal)
    return Result.worst({"watching_percent": watching, "idle_percent": idle}, CPU_BARS, seconds=CPU_SECONDS)


def _cpu_percent(terminal: Terminal) -> float:
    line, process = Line(terminal), psutil.Process(terminal.pid)
    line.drain(SETTLING_SECONDS)
    before, began = process.cpu_times(), time.monotonic()
    line.drain(CPU_SECONDS)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return round(100 * used / (time.monotonic() - began), 2)


@contextmanager
def finished_run(home: Path) -> Iterator[Terminal]:
    """Show the recorded run, which is finished."""
    shutil.copytree(RECORDING.path, home / RECORDING.record().id)
    with Terminal([*PROGRAM, "attach", RECORDING.record().id], SIZE, environment(home)) as terminal:
        terminal.wait_for("test accuracy")
        yield terminal


def _idle_bytes(home: Path) -> int:
    with finished_run(home) as terminal:
        line = Line(terminal)
        line.drain(SETTLING_SECONDS)
        sent = line.drain(IDLE_SECONDS)
        end(terminal)
    return sent

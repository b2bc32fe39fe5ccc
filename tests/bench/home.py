"""Latency of a key on the home screen, with many runs."""

import os
import random
import re
import shutil
from pathlib import Path

from mnist_tui.bench.engines import temporary_home
from tests.bench.line import Line
from tests.bench.result import Result, percentiles
from tests.bench.training import PROGRAM, SIZE, end, environment
from tests.e2e.terminal import Terminal
from tests.kit.recording import RECORDING

RUNS = 1_000
KEYS_PRESSED = 300
HELD = 60
"""Keys pressed at the rate of a held one."""
HELD_SECONDS = 1 / 30
BARS = {"p50_ms": 20.0, "p99_ms": 50.0, "held_p99_ms": 50.0}
ANYTHING = re.compile(rb".", re.DOTALL)
"""Nothing else writes: of a row that scrolls by, only some letters change."""


def home_keys() -> Result:
    """Milliseconds from an arrow key on 1,000 runs to the moved cursor, at random and held, as shares of their bars."""
    with temporary_home() as home:
        link_runs(home)
        with Terminal(PROGRAM, SIZE, environment(home)) as terminal:
            terminal.wait_for("1,000")
            line = Line(terminal)
            line.drain(8.0)  # until all runs are read
            terminal.press("tab")
            line.drain(2.0)
            pauses = random.Random(7)
            moved = [_press(line, number, pauses.uniform(0.05, 0.5)) for number in range(KEYS_PRESSED)]
            line.drain(2.0)
            held = [_press(line, 0, HELD_SECONDS) for _ in range(HELD)]
            line.drain(5.0)
            idle = line.drain(10.0)
            end(terminal)
    figures = percentiles(moved)
    held_figures = {f"held_{key}": value for key, value in percentiles(held).items()}
    return Result.worst(figures | held_figures, BARS, runs=RUNS, keys=len(moved), idle_bytes_in_10_s=idle)


def link_runs(home: Path) -> None:
    """Fill a home with runs that share the files of the recorded one, except for their names."""
    config = RECORDING.config_path.read_text()
    shared = home / "shared"
    shutil.copytree(RECORDING.path, shared)
    (shared / "config.json").unlink()  # so that it is no run
    for number in range(RUNS):
        run = home / f"20261101-{number:06}"
        shutil.copytree(shared, run, copy_function=os.link)
        (run / "config.json").write_text(config.replace("brave-otter", f"otter-{number:04}"))


def _press(line: Line, number: int, pause: float) -> float:
    line.drain(pause)
    seconds = line.press("up" if number % 3 == 2 else "down", ANYTHING)
    assert seconds is not None, f"key {number} was never answered"
    return seconds

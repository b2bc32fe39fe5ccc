"""What the screen itself computes."""

import time

import psutil

from mnist_tui.bench.engines import temporary_home
from tests.bench.line import Line
from tests.bench.link import finished_run
from tests.bench.result import Result, worst_of
from tests.bench.training import PROGRAM, SIZE, end, environment, training
from tests.e2e.terminal import Terminal
from tests.kit.recording import RECORDING

SECONDS = 30.0
SETTLING_SECONDS = 5.0
BARS = {"watching_percent": 15.0, "idle_percent": 1.0}


def watch() -> Result:
    """CPU of the screen at 120x40, in percent of a core, while `fast` trains and over a finished run."""
    with temporary_home() as home:
        with training(home, "--epochs", "20") as (terminal, _):
            watching = _percent(terminal)
            end(terminal)
        finished_run(home)
        with Terminal([*PROGRAM, "attach", RECORDING.record().id], SIZE, environment(home)) as terminal:
            terminal.wait_for("test accuracy")
            idle = _percent(terminal)
            end(terminal)
    figures = {"watching_percent": watching, "idle_percent": idle}
    return Result(
        value=worst_of(figures, BARS),
        unit="of its bar, the worst of both",
        bar=1.0,
        raw={**figures, "bars": BARS, "seconds": SECONDS},
    )


def _percent(terminal: Terminal) -> float:
    line, process = Line(terminal), psutil.Process(terminal.pid)
    line.drain(SETTLING_SECONDS)
    before, began = process.cpu_times(), time.monotonic()
    line.drain(SECONDS)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return round(100 * used / (time.monotonic() - began), 2)

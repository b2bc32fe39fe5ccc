"""Drawing: how soon a stroke is predicted, what it costs the training, and what it sends to the terminal."""

import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mnist_tui.bench.engines import temporary_home
from mnist_tui.runs.directory import RunDirectory
from tests.bench.result import Result, percentiles
from tests.bench.training import PROGRAM, SIZE, end, environment, speed, steps, train, training
from tests.e2e.terminal import Terminal

STROKES = 25
WINDOWS, WINDOW_SECONDS = 8, 6.0
"""Pairs of spans with and without drawing, and the length of a span."""
MOVES_PER_SECOND = 60
CELLS_PER_SECOND = 40
"""Speed of the pen: a digit of 20 pixels in a second, on a canvas with two columns a pixel."""
STROKE_SECONDS, PAUSE_SECONDS = 0.9, 0.3
BATCH = 64
DOTS = [(x, y) for y in range(3, 27, 4) for x in range(4, 54, 5)]
"""Cells of 60 strokes that do not touch."""
LEFT, TOP = 1, 2
"""Column and row of the canvas."""
BARS = {
    "idle_ms": 50.0,
    "training_ms_beyond_a_batch": 50.0,
    "slowdown_percent": 3.0,
    "bytes_per_second": 4_096.0,
    "lost_strokes": 0.0,
}


def draw() -> Result:
    """Milliseconds from a stroke to its bars, slowdown of a training, bytes and lost strokes, as shares of bars."""
    with temporary_home() as home:
        finished = train(home, "--preset", "fast", "--limit", "3000")
        with canvas(Terminal([*PROGRAM, "attach", finished.id], SIZE, environment(home))) as terminal:
            idle = _latencies(terminal)
            sent = _draw_for(terminal, WINDOW_SECONDS) / WINDOW_SECONDS
            lost = _lost(terminal)
        with (
            training(home, "--preset", "fast", "--limit", "20000", "--epochs", "100") as (terminal, run),
            canvas(terminal),
        ):
            began = time.time()
            busy = _latencies(terminal)
            batch = 1e3 * BATCH / speed(steps(run), BATCH, began, time.time())
            slowdowns = _slowdowns(terminal, run)
    figures = {
        "idle_ms": percentiles(idle)["p50_ms"],
        "training_ms_beyond_a_batch": round(percentiles(busy)["p50_ms"] - batch, 1),
        "slowdown_percent": round(statistics.median(slowdowns), 1),
        "bytes_per_second": round(sent),
        "lost_strokes": lost,
    }
    return Result.worst(
        figures,
        BARS,
        strokes=STROKES,
        idle=percentiles(idle),
        training=percentiles(busy),
        batch_ms=round(batch, 1),
        slowdowns_percent=[round(each, 1) for each in slowdowns],
    )


@contextmanager
def canvas(terminal: Terminal) -> Iterator[Terminal]:
    """Open the draw screen, draw a first stroke and wait for its prediction; kill the screen at the end."""
    with terminal:
        terminal.wait_until(lambda screen: "Draw" in screen, "to open the run")
        terminal.press("6")
        terminal.wait_for("Your drawing")
        _stroke(terminal, 0)
        terminal.wait_for("as drawn: ")
        yield terminal
        end(terminal)


def _stroke(terminal: Terminal, number: int) -> None:
    """Draw one of several lines."""
    angle = 0.7 * number
    middle = 28 + 16 * math.cos(angle), 14 + 8 * math.sin(angle)
    ends = [(round(middle[0] + sign * 8), round(middle[1] + sign * 3)) for sign in (-1, 1)]
    terminal.mouse("press", LEFT + ends[0][0], TOP + ends[0][1])
    terminal.mouse("drag", LEFT + ends[1][0], TOP + ends[1][1])
    terminal.mouse("release", LEFT + ends[1][0], TOP + ends[1][1])


def _bars(terminal: Terminal) -> list[str]:
    """Return the percentages on the screen."""
    return [line[-58:] for line in terminal.screen_text().splitlines() if line.count(" %") == 2]


def _latencies(terminal: Terminal) -> list[float]:
    """Return the seconds from the end of each stroke to other bars."""
    taken = []
    for number in range(STROKES):
        if number % 5 == 0:
            terminal.press("delete")
        _drain(terminal, 1.2)
        before, began = _bars(terminal), time.monotonic()
        _stroke(terminal, number)
        while (shown := _bars(terminal)) == before or not shown:
            terminal._pump()
            assert time.monotonic() < began + 30, terminal.screen_text()
        taken.append(time.monotonic() - began)
    return taken


def _drain(terminal: Terminal, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        terminal._pump()


def _draw_for(terminal: Terminal, seconds: float) -> int:
    """Draw loops at the speed of a hand, with a position 60 times a second, and return the bytes that are sent."""
    before, began, move = len(terminal.output), time.monotonic(), 0
    while (at := time.monotonic() - began) < seconds:
        within = at % (STROKE_SECONDS + PAUSE_SECONDS)
        angle = at * CELLS_PER_SECOND / 12
        place = LEFT + round(28 + 14 * math.cos(angle)), TOP + round(14 + 7 * math.sin(1.3 * angle))
        if within > STROKE_SECONDS:
            if move:
                terminal.mouse("release", *place)
                move = 0
        else:
            terminal.mouse("drag" if move else "press", *place)
            move += 1
        if at % 6 < 1 / MOVES_PER_SECOND:
            terminal.press("delete")
        _drain(terminal, 1 / MOVES_PER_SECOND)
    terminal.mouse("release", LEFT, TOP)
    return len(terminal.output) - before


def _slowdowns(terminal: Terminal, run: RunDirectory) -> list[float]:
    """Return by how many percent the training is slower in spans with drawing than in those around them."""
    spans = []
    for number in range(2 * WINDOWS + 1):
        began = time.time()
        if number % 2:
            _draw_for(terminal, WINDOW_SECONDS)
        else:
            _drain(terminal, WINDOW_SECONDS)
        spans.append((began, time.time()))
    assert run.is_live(), run.log_path
    recorded = steps(run)
    speeds = [speed(recorded, BATCH, *span) for span in spans]
    return [
        100 * (1 - 2 * drawn / (before + after))
        for before, drawn, after in zip(speeds[::2], speeds[1::2], speeds[2::2], strict=False)
    ]


def _lost(terminal: Terminal) -> int:
    """Draw 60 dots within a second, and return how many of them are not in the exported drawing."""
    terminal.press("delete")
    _drain(terminal, 1.0)
    for x, y in DOTS:
        terminal.mouse("press", LEFT + x, TOP + y)
        terminal.mouse("release", LEFT + x, TOP + y)
        _drain(terminal, 1 / len(DOTS))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dots.npy")
        terminal.press("e")
        terminal.wait_for("Enter save")
        terminal.press(*str(path), "enter")
        terminal.wait_until(lambda _: os.path.exists(path), "to save the drawing")  # noqa: PTH110
        image = np.load(path)
    return sum(not image[y, x // 2] for x, y in DOTS)

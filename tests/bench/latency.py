"""Latency of a key while all cores train."""

import random
import re
import sys

from mnist_tui.bench.engines import temporary_home
from tests.bench.line import LAYER, Line
from tests.bench.result import Result, percentiles
from tests.bench.training import SIZE, end, training
from tests.e2e.terminal import Terminal

KEYS_PRESSED = 200
EMPTY_KEYS = 100
BARS = {"p50_ms": 20.0, "p99_ms": 50.0, "max_ms": 150.0}
EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    count = 0
    def compose(self):
        yield Static("ready")
    def on_key(self):
        self.count += 1
        self.query_one(Static).update(f"key {self.count}")
Empty().run()
"""
ANSWER = re.compile(rb"key|\d")


def latency() -> Result:
    """Milliseconds from a key to the first byte of the repaint while `reference` trains, as shares of their bars."""
    with temporary_home() as home, training(home, "--preset", "reference", "--epochs", "50") as (terminal, _):
        line = Line(terminal)
        line.focus_layers()
        ours = _press(line, ("down", "up"), LAYER, KEYS_PRESSED)
        with Terminal([sys.executable, "-c", EMPTY_APP], SIZE) as other:
            other.wait_for("ready")
            empty = _press(Line(other), ("x", "y"), ANSWER, EMPTY_KEYS, beside=line)
            end(other)
        end(terminal)
    figures, empty_figures = percentiles(ours), percentiles(empty)
    return Result.worst(figures, BARS, keys=len(ours), empty_app=empty_figures)


def _press(
    line: Line, keys: tuple[str, str], answer: re.Pattern[bytes], count: int, beside: Line | None = None
) -> list[float]:
    """Return the seconds of `count` repaints after keys at random intervals, while draining the line `beside`."""
    pauses = random.Random(7)
    taken = []
    for number in range(count):
        line.drain(pauses.uniform(0.05, 0.3))
        if beside is not None:
            beside.drain(0.0 if number % 5 else 0.01)
        seconds = line.press(keys[number % 2], answer)
        assert seconds is not None, f"key {number} was never answered"
        taken.append(seconds)
    return taken

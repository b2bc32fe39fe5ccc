"""Time to the first paint of the home screen."""

import os
import signal
import statistics
import sys
import tempfile
import time

from tests.bench.result import Result
from tests.e2e.terminal import Terminal

PAIRS = 15
EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("preset")
Empty().run()
"""


def first_paint() -> Result:
    """Seconds from the command to the home screen, relative to an empty Textual app; median of pairs."""
    with tempfile.TemporaryDirectory() as home:
        env = {"MNIST_TUI_HOME": home}
        ours, empty = [], []
        for _ in range(PAIRS):
            ours.append(_seconds([sys.executable, "-m", "mnist_tui"], env))
            empty.append(_seconds([sys.executable, "-c", EMPTY_APP], env))
    ratios = [one / other for one, other in zip(ours, empty, strict=True)]
    return Result(
        value=round(statistics.median(ratios), 3),
        unit="x the empty app",
        bar=1.5,
        raw={
            "pairs": PAIRS,
            "home_seconds": [round(seconds, 3) for seconds in ours],
            "empty_seconds": [round(seconds, 3) for seconds in empty],
            "ratio_min": round(min(ratios), 3),
            "ratio_max": round(max(ratios), 3),
        },
    )


def _seconds(argv: list[str], env: dict[str, str]) -> float:
    began = time.monotonic()
    with Terminal(argv, env=env) as terminal:
        terminal.wait_for("preset")
        seconds = time.monotonic() - began
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.wait_exit()
    return seconds

"""Progress of reading a data set that takes over a second, on a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_tui.render.text import sanitize

PATIENCE = 1.0
"""Seconds of reading before the first line."""
INTERVAL = 0.2


@contextmanager
def reading(spec: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function to call with what is read and with all there is to read, and remove its line at the end."""
    out, due, shown = sys.stderr, time.monotonic() + PATIENCE, False

    def report(done: int, total: int) -> None:
        nonlocal due, shown
        now = time.monotonic()
        if now < due or not out.isatty():
            return
        due, shown = now + INTERVAL, True
        share = min(1.0, done / total) if total else 0.0
        bar = "━" * round(share * 20)
        out.write(f"\r\x1b[KReading {sanitize(Path(spec).name)[:40]} {bar:<20} {share:4.0%}")
        out.flush()

    try:
        yield report
    finally:
        if shown:
            out.write("\r\x1b[K")
            out.flush()

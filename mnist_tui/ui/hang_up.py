"""Ends the face in good order, and soon, when its terminal goes away or somebody terminates it.

By default SIGHUP kills without a word, and SIGTERM leaves the terminal in raw mode. Textual's own way out writes to the
terminal, and a terminal that nobody reads any more blocks that write for good: so a watchdog follows it.
"""

import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable
from types import FrameType

PATIENCE_SECONDS = 2.0
"""How long the orderly way out may take."""
SIGNALS = (signal.SIGHUP, signal.SIGTERM)


def catch_signals(leave: Callable[[int], None]) -> None:
    """Have `leave(exit status)` called on SIGHUP and SIGTERM; call from the main thread.

    A plain handler rather than the event loop's: it also runs while the loop is blocked in a write. `leave` is called
    between two instructions of whatever runs, so it may do no more than tell the loop.
    """
    try:
        before = termios.tcgetattr(sys.__stdin__.fileno()) if sys.__stdin__ else None
    except (termios.error, ValueError):
        before = None

    def caught(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        watchdog = threading.Timer(PATIENCE_SECONDS, _leave_now, [128 + number, before])
        watchdog.daemon = True
        watchdog.start()
        leave(128 + number)

    for number in SIGNALS:
        signal.signal(number, caught)


def _leave_now(status: int, attributes: list[object] | None) -> None:
    if attributes is not None and sys.__stdin__ is not None:
        with contextlib.suppress(termios.error, ValueError):
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, attributes)  # type: ignore[arg-type]
    os._exit(status)

"""Hang-ups and termination: the program exits cleanly and soon when its terminal closes or a signal ends it.

A terminal can close without a signal: it was not the controlling one, or SIGHUP went to another process. Textual's
input thread would then read end-of-file in a busy loop. Therefore a thread of this module waits for the hang-up.

By default SIGHUP kills the process, and SIGTERM leaves the terminal in raw mode. Textual's exit writes to the terminal,
which blocks for ever if nothing reads from it any more. Therefore a watchdog limits the exit.
"""

import contextlib
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from types import FrameType

PATIENCE_SECONDS = 2.0
"""Time limit of a clean exit."""
SIGNALS = (signal.SIGHUP, signal.SIGTERM)


def catch_signals(leave: Callable[[int], None]) -> None:
    """Call `leave(exit status)` on SIGHUP, on SIGTERM and on a hang-up without a signal. Call from the main thread.

    This uses a plain handler, not the event loop's: it also runs while the loop is blocked in a write. `leave` runs
    between any two instructions, so that it may only notify the loop.
    """
    try:
        before = termios.tcgetattr(sys.__stdin__.fileno()) if sys.__stdin__ else None
    except (termios.error, ValueError):
        before = None

    def end(status: int) -> None:
        watchdog = threading.Timer(PATIENCE_SECONDS, _leave_now, [status, before])
        watchdog.daemon = True
        watchdog.start()
        leave(status)

    def caught(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        end(128 + number)

    for number in SIGNALS:
        signal.signal(number, caught)
    if sys.__stdin__ is not None:
        watcher = threading.Thread(
            target=_wait_for_hang_up, args=(sys.__stdin__.fileno(), end), name="hang-up", daemon=True
        )
        watcher.start()


def is_terminal_gone() -> bool:
    """Return True if the terminal has closed; False on systems that cannot tell (macOS)."""
    return sys.__stdin__ is not None and _has_hung_up(sys.__stdin__.fileno(), 0)


def _wait_for_hang_up(terminal: int, end: Callable[[int], None]) -> None:
    """Sleep until the terminal closes; return at once on systems that cannot tell (macOS)."""
    if _has_hung_up(terminal, None):
        end(128 + signal.SIGHUP)


def _has_hung_up(terminal: int, patience: float | None) -> bool:
    """Wait for a hang-up for at most `patience` milliseconds; None: without a limit."""
    poll = select.poll()
    poll.register(terminal, 0)  # hang-ups and errors need no mask; input is left to Textual
    return any(happened & (select.POLLHUP | select.POLLERR) for _, happened in poll.poll(patience))


def _leave_now(status: int, attributes: list[object] | None) -> None:
    if attributes is not None and sys.__stdin__ is not None:
        with contextlib.suppress(termios.error, ValueError):
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, attributes)  # type: ignore[arg-type]
    os._exit(status)

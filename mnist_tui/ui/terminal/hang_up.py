"""Ends the face in good order, and soon, when its terminal goes away or somebody terminates it.

A terminal can go without a signal (it was not the controlling one, or SIGHUP went to somebody else). Textual's input
thread then reads the end of its input for ever, at full speed: so a thread of ours waits for the hang-up itself.

By default SIGHUP kills without a word, and SIGTERM leaves the terminal in raw mode. Textual's own way out writes to the
terminal, and a terminal that nobody reads any more blocks that write for good: so a watchdog follows it.
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
"""How long the orderly way out may take."""
SIGNALS = (signal.SIGHUP, signal.SIGTERM)


def catch_signals(leave: Callable[[int], None]) -> None:
    """Have `leave(exit status)` called on SIGHUP and SIGTERM; call from the main thread. Also when the terminal is gone
    without a signal.

    A plain handler rather than the event loop's: it also runs while the loop is blocked in a write. `leave` is called
    between two instructions of whatever runs, so it may do no more than tell the loop.
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
    """Whether nobody is at its other end any more; False where the system cannot tell (macOS)."""
    return sys.__stdin__ is not None and _has_hung_up(sys.__stdin__.fileno(), 0)


def _wait_for_hang_up(terminal: int, end: Callable[[int], None]) -> None:
    """Sleep in the kernel until the terminal is gone; return at once on a system that cannot tell (macOS)."""
    if _has_hung_up(terminal, None):
        end(128 + signal.SIGHUP)


def _has_hung_up(terminal: int, patience: float | None) -> bool:
    """Within so many milliseconds; None: wait for it."""
    poll = select.poll()
    poll.register(terminal, 0)  # hang-ups and errors are told unasked, and input is none of our business
    return any(happened & (select.POLLHUP | select.POLLERR) for _, happened in poll.poll(patience))


def _leave_now(status: int, attributes: list[object] | None) -> None:
    if attributes is not None and sys.__stdin__ is not None:
        with contextlib.suppress(termios.error, ValueError):
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, attributes)  # type: ignore[arg-type]
    os._exit(status)

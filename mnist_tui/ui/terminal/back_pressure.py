"""Back pressure of the terminal. Only this module reads the driver's private queue.

Textual's driver passes frames to a thread that writes them. On a slow connection its queue fills, and at 30 entries
the event loop blocks, so that keys respond late. Frames are therefore dropped while the queue is not empty enough.
"""

from typing import Any

from textual.app import App

BEHIND = 2
"""Pending writes from which frames are dropped."""


def is_behind(app: App[Any]) -> bool:
    """Return True if frames should be dropped now; False if Textual no longer has this queue."""
    try:
        waiting = app._driver._writer_thread._queue.qsize()  # type: ignore[union-attr]
        return bool(waiting >= BEHIND)
    except (AttributeError, TypeError, NotImplementedError):
        return False

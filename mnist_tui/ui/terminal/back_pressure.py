"""Whether the terminal takes what is written to it. The one place that touches the driver's private queue.

Textual's driver hands the screen to a thread that writes it. Over a slow link its queue fills, and at 30 entries the
event loop blocks: keys are answered late. A frame that is not built while something waits there costs nobody anything.
"""

from typing import Any

from textual.app import App

BEHIND = 2
"""Writes that wait, from which on frames are dropped."""


def is_behind(app: App[Any]) -> bool:
    """Whether frames should be dropped now; never, should Textual no longer have this queue."""
    try:
        waiting = app._driver._writer_thread._queue.qsize()  # type: ignore[union-attr]
        return bool(waiting >= BEHIND)
    except (AttributeError, TypeError, NotImplementedError):
        return False

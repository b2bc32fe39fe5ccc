"""A request whose reply takes time, between the socket's thread and the training thread."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from mnist_tui.control.protocol import Computed, Result


@dataclass
class PendingExplanation:
    """A request that takes time; `pieces` is the work that the training thread has begun."""

    request: Computed
    result: "Future[Result]" = field(default_factory=Future)
    pieces: Iterator[Result | None] | None = None

    def claim(self) -> bool:
        """Return False if the client gave up waiting. Otherwise it no longer can, so that the result can be set."""
        return self.result.running() or self.result.set_running_or_notify_cancel()

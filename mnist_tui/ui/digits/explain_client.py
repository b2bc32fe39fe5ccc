"""Client that requests explanations from a run's engine: one at a time, the newest first, without blocking."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from mnist_tui.control.client import send
from mnist_tui.control.protocol import Explain, Explanation
from mnist_tui.runs.directory import RunDirectory, RunError

TIMEOUT = 60.0
"""Seconds for a reply: a training engine replies between batches, and a new engine has to start first."""


@dataclass
class ExplainClient:
    """Requests explanations in a thread of its own, which calls `on_outcome` with an explanation or an error message.

    The thread is a daemon: a Textual worker would delay the program's exit until the reply has come.
    """

    run: RunDirectory
    on_outcome: Callable[[Explain, Explanation | str], object]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: Explain | None = None
    _busy: bool = False
    _closed: threading.Event = field(default_factory=threading.Event)

    def request(self, explain: Explain) -> None:
        """Send a request after the pending reply; a newer request replaces a waiting one."""
        with self._lock:
            self._next = explain
            if self._busy or self._closed.is_set():
                return
            self._busy = True
        threading.Thread(target=self._work, name="explain client", daemon=True).start()

    def close(self) -> None:
        """Send no more requests, and discard a pending reply."""
        self._closed.set()

    def _work(self) -> None:
        while True:
            with self._lock:
                explain, self._next = self._next, None
                if explain is None or self._closed.is_set():
                    self._busy = False
                    return
            outcome = self._outcome(explain)
            if not self._closed.is_set():
                self.on_outcome(explain, outcome)

    def _outcome(self, explain: Explain) -> Explanation | str:
        try:
            reply = send(self.run, explain, TIMEOUT)
        except RunError as error:
            return str(error)
        return reply.explanation or "The engine's reply has no explanation."

"""Work in a thread, one piece at a time, the newest first, without blocking the screen."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Question = TypeVar("Question")
Outcome = TypeVar("Outcome")


class NewestFirst(Generic[Question, Outcome]):
    """Subclasses implement `outcome`; `on_outcome` is called in the thread with a question and its outcome.

    The thread is a daemon: a Textual worker would delay the program's exit until the outcome has come.
    """

    def __init__(self, on_outcome: Callable[[Question, Outcome], object]) -> None:
        self._on_outcome = on_outcome
        self._lock = threading.Lock()
        self._next: Question | None = None
        self._busy = False
        self._closed = threading.Event()

    def outcome(self, question: Question) -> Outcome:
        """Do the work; called in the thread. Must not raise."""
        raise NotImplementedError

    def request(self, question: Question) -> None:
        """Do this after the work at hand; a newer question replaces a waiting one."""
        with self._lock:
            self._next = question
            if self._busy or self._closed.is_set():
                return
            self._busy = True
        threading.Thread(target=self._work, name=type(self).__name__, daemon=True).start()

    @property
    def is_busy(self) -> bool:
        """True until the outcomes of all work have been handed over."""
        with self._lock:
            return self._busy

    def close(self) -> None:
        """Begin no more work, and discard the outcome of the work at hand."""
        self._closed.set()

    def _work(self) -> None:
        while True:
            with self._lock:
                question, self._next = self._next, None
                if question is None or self._closed.is_set():
                    self._busy = False
                    return
            outcome = self.outcome(question)
            if not self._closed.is_set():
                self._on_outcome(question, outcome)

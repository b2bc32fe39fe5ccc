"""Asks a run's engine why digits are read as they are: one question at a time, the newest first, nobody waits."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mnist_tui.control.client import send
from mnist_tui.control.protocol import Explain, Explanation, GivenDigit
from mnist_tui.runs.directory import RunDirectory, RunError

PATIENCE = 60.0
"""Seconds for an answer: while it trains, an engine answers between batches; a woken one has to start first."""
LOOK_SECONDS = 0.25
"""Between looks for an engine that starts."""


@dataclass(frozen=True)
class Question:
    """Which digit is asked about."""

    split: str
    index: int
    digit: GivenDigit | None = None
    """The digit itself, of a set that the engine does not know."""


Told = Callable[[Question, Explanation | str], object]


@dataclass
class Inquiry:
    """`tell` is called from a thread of its own, with the answer or with why there is none.

    A thread that ends with the program: one of Textual's workers would hold up its end by an engine's patience.
    """

    run: RunDirectory
    tell: Told
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: Question | None = None
    _busy: bool = False
    _closed: threading.Event = field(default_factory=threading.Event)

    def ask(self, question: Question) -> None:
        """Ask, as soon as the answer that is waited for has come; a newer question takes this one's place."""
        with self._lock:
            self._next = question
            if self._busy or self._closed.is_set():
                return
            self._busy = True
        threading.Thread(target=self._work, name="inquiry", daemon=True).start()

    def close(self) -> None:
        """Ask nothing more; an answer that still comes is thrown away."""
        self._closed.set()

    def _work(self) -> None:
        while True:
            with self._lock:
                question, self._next = self._next, None
                if question is None or self._closed.is_set():
                    self._busy = False
                    return
            outcome = self._answer(question)
            if not self._closed.is_set():
                self.tell(question, outcome)

    def _answer(self, question: Question) -> Explanation | str:
        deadline = time.monotonic() + PATIENCE
        try:
            while not self._listens() and time.monotonic() < deadline:
                if self._closed.wait(LOOK_SECONDS):
                    return ""
            answer = send(self.run, Explain(question.split, question.index, question.digit), PATIENCE)
        except RunError as error:
            return str(error)
        return answer.explanation or "The engine's answer explains nothing."

    def _listens(self) -> bool:
        """Whether there is something to ask, or nobody who could start to listen."""
        endpoint = self.run.endpoint()
        return (endpoint is not None and endpoint.socket is not None) or not self.run.is_live()

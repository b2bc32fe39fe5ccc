"""Files that may not be written: training goes on, and everybody is told what is missing and why."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from mnist_tui.engine.recording.event_writer import Emit
from mnist_tui.events import AlertKind, AlertRaised
from mnist_tui.runs.directory import RunDirectory

CHECKPOINT = "checkpoint"
"""Never written late: by then the state that it belongs to is gone, and the next one is due soon."""
MOST_WAITING = 50
"""Refused files whose contents are kept in memory, a quarter of a megabyte each."""


class RetryingWriter:
    """Tries to write files, remembers those that the disk refused, and tries them again with the next one.

    Attempts are the training thread's alone; what is told of them may be read by any thread. One file at a time is
    written, behind the training or not: each attempt waits for the one before.
    """

    def __init__(self, run: RunDirectory, emit: Emit) -> None:
        self._run = run
        self._emit = emit
        self.unsaved: dict[str, str] = {}
        """What is not on the disk -> why."""
        self._waiting: dict[str, Callable[[], None]] = {}
        self._thread = ThreadPoolExecutor(1, "saving")
        self._behind: Future[None] | None = None

    def attempt(self, name: str, write: Callable[[], None], *, step: int, epoch: int) -> bool:
        """Call `write`, now or with a later attempt; False when the disk refused. The first refusal is an alert."""
        self.settle()
        return self._attempt(name, write, step, epoch)

    def attempt_behind(
        self, name: str, write: Callable[[], None], written: Callable[[], None], *, step: int, epoch: int
    ) -> None:
        """The same while training goes on, and `written` is called, too, if the disk took it."""

        def work() -> None:
            if self._attempt(name, write, step, epoch):
                written()

        self.settle()
        self._behind = self._thread.submit(work)

    def settle(self) -> None:
        """Wait for what is written behind the training; raises what was no refusal of the disk."""
        behind, self._behind = self._behind, None
        if behind is not None:
            behind.result()

    def _attempt(self, name: str, write: Callable[[], None], step: int, epoch: int) -> bool:
        self._waiting.pop(name, None)  # this one is newer
        for earlier, write_late in list(self._waiting.items()):
            if self._refusal(earlier, write_late) is not None:
                break
        reason = self._refusal(name, write)
        if reason is not None:
            if name not in self.unsaved:
                text = f"{name} is not saved ({reason}): training goes on; make room and it is tried again"
                alert = AlertRaised(time=time.time(), kind=AlertKind.NOT_SAVED, text=text, step=step, epoch=epoch)
                self._emit(alert)
            self.unsaved[name] = reason
            if name != CHECKPOINT and len(self._waiting) < MOST_WAITING:
                self._waiting[name] = write
        return reason is None

    def _refusal(self, name: str, write: Callable[[], None]) -> str | None:
        """Call `write`; why the disk refused, None when it did not and nothing of that name is missing any more."""
        try:
            write()
        except OSError as error:
            if not self._run.path.exists():
                return f"the run directory {self._run.path} has vanished"
            return error.strerror or str(error)
        self.unsaved.pop(name, None)
        self._waiting.pop(name, None)
        return None

    @property
    def trouble(self) -> str:
        """A sentence about what is not saved at the moment; empty when nothing is missing."""
        if not self._run.path.exists():
            return f"the run directory {self._run.path} has vanished: training goes on, but nothing more is saved"
        unsaved = list(self.unsaved.items())  # at once: another thread takes names out
        if not unsaved:
            return ""
        name, reason = unsaved[0]
        more = f" and {len(unsaved) - 1} more" if len(unsaved) > 1 else ""
        return f"not saved: {name}{more} ({reason})"

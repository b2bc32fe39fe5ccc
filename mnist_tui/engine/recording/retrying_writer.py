"""File writer that retries after a disk error, so that training goes on."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from mnist_tui.engine.recording.event_writer import Emit
from mnist_tui.events import AlertKind, AlertRaised
from mnist_tui.runs.directory import RunDirectory

CHECKPOINT = "checkpoint"
"""Name of a write that is never retried: its state has changed by then."""
MAX_WAITING = 50
"""Maximum number of failed writes to keep in memory, about 0.25 MB each."""


class RetryingWriter:
    """Writer that repeats failed writes together with the next one.

    Only the training thread writes; any thread may read `trouble`. Each write waits for the one before.
    """

    def __init__(self, run: RunDirectory, emit: Emit) -> None:
        self._run = run
        self._emit = emit
        self.unsaved: dict[str, str] = {}
        """File names that are not on disk, with the reason."""
        self._waiting: dict[str, Callable[[], None]] = {}
        self._thread = ThreadPoolExecutor(1, "saving")
        self._background_write: Future[None] | None = None

    def write(self, name: str, write: Callable[[], None], *, step: int, epoch: int) -> bool:
        """Call `write` and return True, or raise an alert, retry later and return False."""
        self.wait()
        return self._write(name, write, step, epoch)

    def write_in_background(
        self, name: str, write: Callable[[], None], written: Callable[[], None], *, step: int, epoch: int
    ) -> None:
        """Call `write` in the background, then `written` if it succeeded."""

        def work() -> None:
            if self._write(name, write, step, epoch):
                written()

        self.wait()
        self._background_write = self._thread.submit(work)

    def wait(self) -> None:
        """Wait for the background write. Raise its error unless it was an OSError."""
        behind, self._background_write = self._background_write, None
        if behind is not None:
            behind.result()

    def _write(self, name: str, write: Callable[[], None], step: int, epoch: int) -> bool:
        self._waiting.pop(name, None)  # replaced by this newer write
        for earlier, write_late in list(self._waiting.items()):
            if self._try(earlier, write_late) is not None:
                break
        reason = self._try(name, write)
        if reason is not None:
            if name not in self.unsaved:
                text = f"{name} is not saved ({reason}): training goes on; make room and it is tried again"
                alert = AlertRaised(time=time.time(), kind=AlertKind.NOT_SAVED, text=text, step=step, epoch=epoch)
                self._emit(alert)
            self.unsaved[name] = reason
            if name != CHECKPOINT and len(self._waiting) < MAX_WAITING:
                self._waiting[name] = write
        return reason is None

    def _try(self, name: str, write: Callable[[], None]) -> str | None:
        """Call `write` and return the reason for a disk error, or None."""
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
        """Names of unsaved files with the reason, or an empty string."""
        if not self._run.path.exists():
            return f"the run directory {self._run.path} has vanished: training goes on, but nothing more is saved"
        unsaved = list(self.unsaved.items())  # copy: the writing thread removes names
        if not unsaved:
            return ""
        name, reason = unsaved[0]
        more = f" and {len(unsaved) - 1} more" if len(unsaved) > 1 else ""
        return f"not saved: {name}{more} ({reason})"

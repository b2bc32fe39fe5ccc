"""File writer that retries after a disk error, so that training goes on."""

import errno
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from mnist_tui.engine.recording.event_writer import Emit, restored_alert
from mnist_tui.events import AlertKind, AlertRaised
from mnist_tui.runs.directory import RunDirectory

CHECKPOINT = "checkpoint"
"""Name of all writes of checkpoints: the newest replaces one that waits."""
ROLLING = "rolling predictions"
"""Name of all writes of rolling predictions. They are not written again if they are lost: the next ones come soon."""
FOLDERS = ("predictions/", "weights/")
"""Folders with a file for each epoch, which come last, and of which the newest file is written again if it is lost."""
OBSTRUCTIONS = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
"""Errors that stay when a full disk has room again."""
MAX_NAMES = 3
"""Files that `error` names, those of an epoch last."""
MAX_WAITING = 50
"""Failed writes in memory from which on no more files of an epoch are kept, which take about 0.25 MB each."""
MAX_BEHIND = 4
"""Background writes that may wait for each other before the training waits for them."""
LOOK_SECONDS = 1.0
"""Seconds between two looks for removed files."""


class RetryingWriter:
    """Writer that repeats failed writes together with the next one.

    Only the training thread writes; any thread may read `error`. Each write waits for the one before.
    """

    def __init__(self, run: RunDirectory, emit: Emit) -> None:
        self._run = run
        self._emit = emit
        self.unsaved: dict[str, str] = {}
        """File names that are not on disk, with the reason."""
        self._waiting: dict[str, Callable[[], None]] = {}
        self._obstructed: set[str] = set()
        """Names whose last write failed for another reason than a full disk."""
        self._written: dict[str, tuple[str, Callable[[], None]]] = {}
        """Names and writes of the files that can be written again; of each of FOLDERS, the newest."""
        self._looked_at = 0.0
        self._thread = ThreadPoolExecutor(1, "saving")
        self._background_writes: list[Future[None]] = []

    def write(self, name: str, write: Callable[[], None], *, step: int, epoch: int) -> bool:
        """Call `write` and return True, or raise an alert, retry later and return False."""
        self.wait()
        return self._write(name, write, step, epoch)

    def write_in_background(
        self, name: str, write: Callable[[], None], written: Callable[[], None], *, step: int, epoch: int
    ) -> None:
        """Call `write` in the background after earlier ones, then `written` if it succeeded."""

        def work() -> None:
            if self._write(name, write, step, epoch):
                written()

        if len(self._background_writes) >= MAX_BEHIND:
            self.wait()
        self._background_writes.append(self._thread.submit(work))

    def retry(self) -> bool:
        """Repeat all failed writes, files of an epoch last. Return True if none waits for the disk any more."""
        wait(self._background_writes)  # their errors, if any, are for `wait`
        for name in sorted(self._waiting, key=_is_of_epoch):
            self._try(name, self._waiting[name])
        return self._waiting.keys() <= self._obstructed

    def restore_removed(self, *, step: int, epoch: int) -> None:
        """Write files again that another program has removed, and raise an alert. Look every LOOK_SECONDS."""
        now = time.monotonic()
        if now < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = now
        self.wait()
        removed = [
            (name, write)
            for name, write in self._written.values()
            if name not in self._waiting and not (self._run.path / name).exists()
        ]
        if removed and self._run.path.exists():
            self._emit(restored_alert(", ".join(name for name, _ in removed), step, epoch))
            for name, write in removed:
                self._write(name, write, step, epoch)

    def wait(self) -> None:
        """Wait for the background writes. Raise their first error unless it was an OSError."""
        behind, self._background_writes = self._background_writes, []
        wait(behind)
        for each in behind:
            each.result()

    def forget(self, folder: str) -> None:
        """Do not write a file of one of FOLDERS (again), since it has been removed on purpose."""
        self.wait()
        self._written.pop(folder, None)
        for name in [each for each in self._waiting if each.startswith(folder)]:
            del self._waiting[name]
            self.unsaved.pop(name, None)

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
            if len(self._waiting) < MAX_WAITING or not _is_of_epoch(name):
                self._waiting[name] = write
        return reason is None

    def _try(self, name: str, write: Callable[[], None]) -> str | None:
        """Call `write` and return the reason for a disk error, or None."""
        try:
            write()
        except OSError as error:
            is_obstructed = isinstance(error, OBSTRUCTIONS) or error.errno == errno.EROFS
            (self._obstructed.add if is_obstructed else self._obstructed.discard)(name)
            if not self._run.path.exists():
                return f"the run directory {self._run.path} has vanished"
            return error.strerror or str(error)
        self.unsaved.pop(name, None)
        self._waiting.pop(name, None)
        if name not in (CHECKPOINT, ROLLING):
            self._written[next((each for each in FOLDERS if name.startswith(each)), name)] = name, write
        return None

    @property
    def error(self) -> str:
        """Names of unsaved files with the reason, or an empty string."""
        if not self._run.path.exists():
            return f"the run directory {self._run.path} has vanished: training goes on, but nothing more is saved"
        unsaved = dict(self.unsaved)  # copy: the writing thread removes names
        if not unsaved:
            return ""
        names = sorted(unsaved, key=_is_of_epoch)
        shown = names[:MAX_NAMES] if len(names) > MAX_NAMES + 1 else names
        more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
        return f"not saved: {', '.join(shown)}{more} ({unsaved[names[0]]})"


def _is_of_epoch(name: str) -> bool:
    return name.startswith(FOLDERS)

"""The lock of a run directory, which its live engine holds (see liveness.py)."""

import contextlib
import fcntl
import os
import stat
import time
from pathlib import Path

import msgspec

from mnist_tui.runs.errors import RunError
from mnist_tui.runs.liveness import (
    HEARTBEAT_SECONDS,
    Endpoint,
    LiveEngine,
    find_engine,
    open_lock,
    starting,
    write_endpoint,
)
from mnist_tui.runs.replacing import replacing
from mnist_tui.untrusted import sanitize

LOCKS_FIX = "set MNIST_TUI_HOME to a folder on another disk, or mount this one with locks (NFS: `-o local_lock=flock`)"
"""Advice for a disk without file locks."""
ATTEMPTS = 20
RESTORE_ATTEMPTS = 12
"""Quarters of a heartbeat in which an engine makes its lock file again."""
FRESH_SECONDS = 5.0
"""Age of the newest event up to which an engine may be alive that has lost its lock file."""


def try_lock(descriptor: int, folder: Path) -> bool:
    """Lock an open file of a folder; return False if another process holds it. Raises RunError without file locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise RunError(f"the disk of {folder} has no file locks ({error.strerror}): {LOCKS_FIX}") from None
    return True


class RunLock:
    """The file `lock` of a run directory."""

    def __init__(self, run: Path) -> None:
        self.path = run / "lock"
        self._run = run
        self._id = sanitize(run.name)

    def acquire(self) -> int:
        """Acquire the lock and return its file descriptor.

        Raises:
            RunError: The run has a live engine, or its disk has no locks.
            OSError: The lock file cannot be written.
        """
        for _ in range(RESTORE_ATTEMPTS):
            engine = find_engine(self.path)
            if engine is not None:
                raise RunError(engine.refusal(self._id))
            if not self.may_be_restored():
                break
            time.sleep(HEARTBEAT_SECONDS / 4)
        descriptor = self._locked_file()
        with contextlib.suppress(OSError):  # if the disk is full, the run trains but cannot be steered
            write_endpoint(descriptor, starting())
        return descriptor

    def may_be_restored(self) -> bool:
        """Return True if the lock file is missing and the events are fresh: a live engine makes the file again."""
        try:
            events = (self._run / "events.jsonl").stat()
        except OSError:
            return False
        is_fresh = events.st_size > 0 and abs(time.time() - events.st_mtime) < FRESH_SECONDS
        return is_fresh and not os.path.lexists(self.path)

    def take_over(self) -> None:
        """Replace the lock file of an engine on another machine, which then exits if it is alive.

        Raises:
            RunError: The lock file cannot be replaced.
        """
        engine = find_engine(self.path)
        if engine is None or not engine.is_elsewhere:
            return
        try:
            with replacing(self.path) as temporary:
                temporary.write_bytes(msgspec.json.encode(starting()))
        except OSError as error:
            raise RunError(f"{self.path} cannot be replaced ({error.strerror}): make it writable") from None

    def _locked_file(self) -> int:
        if os.path.lexists(self.path) and not stat.S_ISREG(self.path.lstat().st_mode):
            raise RunError(f"{self.path} is not a regular file: remove it")
        descriptor = open_lock(self.path, os.O_RDWR | os.O_CREAT)
        try:
            for _ in range(ATTEMPTS):
                if try_lock(descriptor, self._run):
                    return descriptor
                time.sleep(0.01)  # `engine` holds it for some microseconds
            raise RunError(LiveEngine(Endpoint(0), None).refusal(self._id))
        except RunError:
            os.close(descriptor)
            raise

    def renew(self, descriptor: int, endpoint: Endpoint) -> bool:
        """Renew the heartbeat of an engine, and its lock file if that was removed; raises OSError.

        Returns:
            False if another engine has taken the run over.
        """
        engine = find_engine(self.path)
        if engine is not None and engine.is_elsewhere:
            return False
        if not self._is_file(descriptor):
            if engine is not None:
                return False
            replacement = self._locked_file()
            os.dup2(replacement, descriptor, inheritable=False)
            os.close(replacement)
        if engine is None or engine.endpoint != endpoint:
            write_endpoint(descriptor, endpoint)
        os.utime(descriptor)
        return True

    def _is_file(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(self.path.lstat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False

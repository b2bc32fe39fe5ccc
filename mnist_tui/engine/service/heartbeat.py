"""The engine's sign of life in its run directory."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable

import msgspec

from mnist_tui.engine.temporaries import exit_now
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.liveness import HEARTBEAT_SECONDS, Endpoint, host, this_machine, write_endpoint

MAX_ERROR_LENGTH = 300
"""Characters of a save error, for which the lock file has room."""


class Heartbeat:
    """Thread that names this process in a run's lock file, and renews that file until `end`.

    If another engine takes the run over, this process exits at once: both would write the same files.
    """

    def __init__(self, run: RunDirectory, lock: int, socket: str | None, save_error: Callable[[], str]) -> None:
        """Take a function that returns what the engine cannot save."""
        self._run = run
        self._lock = lock
        self._save_error = save_error
        self._endpoint = Endpoint(os.getpid(), socket, host(), this_machine())
        self._ended = threading.Event()
        with contextlib.suppress(OSError):  # a full disk: the run cannot be steered yet, but it trains
            write_endpoint(lock, self._endpoint)
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Note in the lock file that the engine exits, and what it could not save."""
        self._ended.set()
        self._thread.join(HEARTBEAT_SECONDS)  # a disk that went away may hold it up
        with contextlib.suppress(OSError):
            error = self._clipped_error()
            write_endpoint(self._lock, Endpoint(0, save_error=error) if error else None)

    def _work(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            # The disk is full or gone, or the run directory was removed: training goes on.
            with contextlib.suppress(OSError, RunError):
                endpoint = msgspec.structs.replace(self._endpoint, save_error=self._clipped_error())
                if not self._run.lock.renew(self._lock, endpoint):
                    print("mnist-tui: another engine has taken this run over", file=sys.stderr, flush=True)
                    exit_now(1)

    def _clipped_error(self) -> str:
        return self._save_error()[:MAX_ERROR_LENGTH].encode(errors="replace").decode()

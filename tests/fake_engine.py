"""A stand-in for the engine: holds a run's lock and answers requests over a socket, in a thread of the test."""

import contextlib
import os
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from mnist_tui.runs.directory import Endpoint, RunDirectory
from mnist_tui.runs.protocol import AnyRequest


class FakeEngine:
    """`with FakeEngine(run):` the run is alive. Gives `answer` to every request, and keeps `requests` as they came."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.answer = b'{"ok":true}\n'
        self.requests: list[bytes] = []
        self._folder = tempfile.TemporaryDirectory(prefix="mnist-tui-")  # tmp_path may be too long for a socket
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve)
        self._lock: int | None = None

    def __enter__(self) -> Self:
        address = str(Path(self._folder.name, "socket"))
        self._lock = self.run.acquire_lock()
        self.run.lock_path.write_bytes(msgspec.json.encode(Endpoint(os.getpid(), address)))
        self._listener.bind(address)
        self._listener.listen()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()

    def asked(self) -> list[AnyRequest]:
        """The requests so far."""
        return [msgspec.json.decode(line, type=AnyRequest) for line in self.requests]

    def die(self) -> None:
        """End as a process does: the lock goes, the address stays in the file."""
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        os.close(self._lock)
        self._lock = None
        self._folder.cleanup()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            with connection, contextlib.suppress(OSError):
                self.requests.append(connection.makefile("rb").readline())
                connection.sendall(self.answer)

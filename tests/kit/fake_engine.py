"""A stand-in for the engine: it holds a run's lock and replies to requests over a socket, in threads of the test."""

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from mnist_tui.control.commands import decode_request
from mnist_tui.control.protocol import Attach, Ping, Request
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.liveness import Endpoint, host, this_machine


class FakeEngine:
    """`with FakeEngine(run):` the run is live. Every request gets `reply`; without a newline it is the last one."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.reply = b'{"ok":true}\n'
        self.answer: Callable[[Request], bytes] | None = None
        """Function that replies to all requests but those of viewers that attach and ping, in place of `reply`."""
        self.requests: list[bytes] = []
        self._folder = tempfile.TemporaryDirectory(prefix="mnist-tui-")  # tmp_path may be too long for a socket
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._connections: list[socket.socket] = []
        self._lock: int | None = None

    def __enter__(self) -> Self:
        address = str(Path(self._folder.name, "socket"))
        self.run.lock.path.touch()  # if it is missing beside fresh events, an engine may make it again
        self._lock = self.run.lock.acquire()
        self.write_endpoint(Endpoint(os.getpid(), address))
        self._listener.bind(address)
        self._listener.listen()
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()

    def write_endpoint(self, endpoint: Endpoint) -> None:
        """Replace the contents of the lock file."""
        self.run.lock.path.write_bytes(msgspec.json.encode(endpoint))

    def fall_silent(self, since: float) -> None:
        """Show no sign of life since a time in seconds since 1970."""
        self.write_endpoint(Endpoint(os.getpid(), "/nowhere/socket", host(), this_machine()))
        os.utime(self.run.lock.path, (since, since))

    def sent(self) -> list[Request]:
        """Return the requests so far, except those of viewers that attach and ping."""
        decoded = map(decode_request, list(self.requests))
        return [request for request in decoded if not isinstance(request, Attach | Ping)]

    @property
    def viewers(self) -> list[str]:
        """Origins of the viewers that attached."""
        decoded = map(decode_request, list(self.requests))
        return [request.by for request in decoded if isinstance(request, Attach)]

    def die(self) -> None:
        """End as a process does: the lock is released, the address stays in the file."""
        if self._lock is None:
            return
        self._close(self._listener)
        self._threads[0].join()  # after which no connection is added
        for connection in self._connections:
            self._close(connection)
        for thread in self._threads[1:]:
            thread.join()
        os.close(self._lock)
        self._lock = None
        self._folder.cleanup()

    @staticmethod
    def _close(end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._serve_requests, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _reply_to(self, line: bytes) -> bytes:
        request = decode_request(line) if self.answer is not None else None
        if self.answer is None or request is None or isinstance(request, Attach | Ping):
            return self.reply
        return self.answer(request)

    def _serve_requests(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError), connection.makefile("rb") as lines:
            for line in lines:
                self.requests.append(line)
                connection.sendall(self._reply_to(line))
                if not self.reply.endswith(b"\n"):
                    return

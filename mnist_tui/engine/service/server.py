"""The control socket: one JSON line in, one JSON line out (see control/protocol.py).

The lock file holds the socket's path (see private_socket.py). Input is never unpickled or evaluated: a line that does
not decode to one of the declared requests is rejected.
"""

import asyncio
import contextlib
import os
import socket
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

import msgspec

from mnist_tui.control.commands import decode_request
from mnist_tui.control.protocol import Attach, Ping, Reply, Request, Result
from mnist_tui.engine.service.private_socket import listener_at, make_private, peer_uid

MAX_LINE_BYTES = 64 * 1024
MAX_ORIGIN_LENGTH = 100
"""Characters of `by`, which is recorded and shown."""
MAX_ERROR_LENGTH = 1000
MAX_VIEWERS = 32
MAX_CONNECTIONS = 64
"""More than viewers, so that there is always a place for a request."""
VIEWER_SILENCE_SECONDS = 10.0
"""A viewer that sends nothing for so long does not count: its process is stopped, or its link is dead."""
REQUEST_SECONDS = 30.0
"""Time to send a request, for connections that are not a viewer's."""
REPLY_SECONDS = 10.0
"""Time to read a reply."""
LINGER_SECONDS = 1.0
EXPLAIN_SECONDS = 60.0
"""Time to explain a digit or predict images, which a training does in pieces between batches."""
SOCKET_CHECK_SECONDS = 5.0
"""Interval at which the server checks that its socket still exists."""


class RequestError(Exception):
    """A request cannot be carried out. The message is a sentence for the sender."""


class RequestHandler(Protocol):
    """The engine, which carries out the requests."""

    def handle(self, request: Request) -> "Future[Result] | None":
        """Carry out a request other than Ping and Attach; raises RequestError. A result comes later."""

    def viewers_changed(self, count: int) -> None:
        """Take the number of viewers: attached, and heard from within VIEWER_SILENCE_SECONDS."""

    @property
    def save_error(self) -> str:
        """The reason why something cannot be saved; empty if all is saved."""


async def serve(listener: socket.socket, handler: RequestHandler, until: asyncio.Event) -> None:
    """Reply to requests until the event is set, then close all connections and remove the socket."""
    path = Path(listener.getsockname())
    connections = _Connections(handler)
    server = await _serve_at(listener, connections)
    try:
        while not until.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), SOCKET_CHECK_SECONDS)
            with contextlib.suppress(OSError):
                if not until.is_set() and not path.is_socket():
                    # The system empties XDG_RUNTIME_DIR at the user's last log-out, as when an SSH connection drops.
                    # After the next log-in the run must be found where its lock file says.
                    server.close()
                    make_private(path.parent)
                    server = await _serve_at(listener_at(path), connections)
    finally:
        server.close()  # not wait_closed: since Python 3.12 it waits until all clients have left
        with contextlib.suppress(OSError):
            path.unlink()
        await connections.close()


async def _serve_at(listener: socket.socket, connections: "_Connections") -> asyncio.Server:
    return await asyncio.start_unix_server(connections.serve, sock=listener, limit=MAX_LINE_BYTES)


async def reply_to(line: bytes, handler: RequestHandler, attach: Callable[[], None]) -> Reply:
    """Carry out the request in a line and return the reply. Never raises."""
    try:
        result = None
        try:
            request = _decode(line)
            if isinstance(request, Attach):
                attach()
            elif not isinstance(request, Ping):
                pending = handler.handle(request)
                if pending is not None:
                    async with asyncio.timeout(EXPLAIN_SECONDS):
                        result = await asyncio.wrap_future(pending)
        except RequestError as error:
            return _rejection(str(error), handler)
        except TimeoutError:
            return _rejection(f"no result within {EXPLAIN_SECONDS:g} s: try again", handler)
        reply = Reply(ok=True, save_error=_encodable(handler.save_error))
        return reply if result is None else reply.with_result(result)
    except Exception as error:
        _log_exception()
        return Reply(ok=False, error=f"the request failed inside the engine ({type(error).__name__}): see engine.log")


def _decode(line: bytes) -> Request:
    try:
        request = decode_request(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"not a request: {error}") from None
    by = getattr(request, "by", "")
    if len(by) > MAX_ORIGIN_LENGTH or not by.isprintable():
        raise RequestError(f"not a request: `by` must be at most {MAX_ORIGIN_LENGTH} printable characters")
    return request


def _rejection(error: str, handler: RequestHandler) -> Reply:
    return Reply(ok=False, error=_encodable(error), save_error=_encodable(handler.save_error))


def _log_exception() -> None:
    with contextlib.suppress(OSError):  # engine.log may be on a full disk
        traceback.print_exc()


def _encodable(text: str) -> str:
    # JSON cannot encode the surrogates that stand for undecodable bytes of a file name.
    return text[:MAX_ERROR_LENGTH].encode(errors="replace").decode()


class _Viewers:
    """The attached viewers. One that falls silent does not count until it sends again."""

    def __init__(self, changed: Callable[[int], None]) -> None:
        self._changed = changed
        self._timers: dict[object, asyncio.TimerHandle] = {}

    def attach(self, viewer: object) -> None:
        """Count a viewer; raises RequestError if there are too many."""
        if viewer not in self._timers and len(self._timers) >= MAX_VIEWERS:
            raise RequestError(f"{MAX_VIEWERS} screens are attached: close one of them")
        self.heard_from(viewer)

    def heard_from(self, viewer: object) -> None:
        timer = self._timers.get(viewer)
        self._timers[viewer] = asyncio.get_running_loop().call_later(VIEWER_SILENCE_SECONDS, self.remove, viewer)
        if timer is not None:
            timer.cancel()
        else:
            self._report()

    def remove(self, viewer: object) -> None:
        timer = self._timers.pop(viewer, None)
        if timer is not None:
            timer.cancel()
            self._report()

    def _report(self) -> None:
        try:
            self._changed(len(self._timers))
        except Exception:  # must not end the viewer's connection
            _log_exception()


class _Connections:
    """The open connections, one task each."""

    def __init__(self, handler: RequestHandler) -> None:
        self._handler = handler
        self._viewers = _Viewers(handler.viewers_changed)
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._idle: dict[asyncio.StreamWriter, None] = {}
        """Connections from which a request may come, the one that has been silent longest first."""
        self._closed = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until either side closes the connection."""
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            # The client is gone (ConnectionError) or does not read (TimeoutError); both are OSErrors.
            with contextlib.suppress(OSError):
                if self._closed:
                    return
                writer.transport.set_write_buffer_limits(high=0)  # so that draining waits for the whole reply
                last = self._reject_client(writer) or await self._serve_requests(reader, writer)
                if last is not None:
                    await self._send_last(reader, writer, last)
        except asyncio.CancelledError:
            if not self._closed:  # Python 3.11's streams log a traceback for a cancelled task
                raise
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            self._viewers.remove(writer)

    async def close(self) -> None:
        """Close all connections."""
        self._closed = True
        tasks = [task for task in self._tasks if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reject_client(self, writer: asyncio.StreamWriter) -> Reply | None:
        uid = peer_uid(writer.get_extra_info("socket"))
        if uid not in (None, 0, os.geteuid()):
            error = f"permission denied: the engine belongs to uid {os.geteuid()}, you are uid {uid}"
            return Reply(ok=False, error=error)
        if len(self._tasks) <= MAX_CONNECTIONS:
            return None
        if not self._idle:
            return _rejection(f"{MAX_CONNECTIONS} requests are being carried out: try again", self._handler)
        silent = next(iter(self._idle))
        del self._idle[silent]
        silent.transport.abort()  # a viewer attaches again
        return None

    async def _serve_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Reply | None:
        """Reply line by line; return the last reply, or None if the client has closed the connection."""
        attached = False

        def attach() -> None:
            nonlocal attached
            self._viewers.attach(writer)
            attached = True

        while True:
            self._idle[writer] = None
            try:
                async with asyncio.timeout(None if attached else REQUEST_SECONDS):
                    line = await reader.readline()
            except TimeoutError:
                return _rejection(f"no complete request within {REQUEST_SECONDS:g} s", self._handler)
            except ValueError:
                return _rejection(f"a request has at most {MAX_LINE_BYTES} bytes", self._handler)
            finally:
                self._idle.pop(writer, None)
            if not line:
                return None
            if attached:
                self._viewers.heard_from(writer)
            await _send(writer, await reply_to(line, self._handler, attach))

    async def _send_last(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Reply) -> None:
        """Send a reply, and read on for a while: a client that is still sending would fail before it reads it."""
        await _send(writer, reply)
        writer.write_eof()
        async with asyncio.timeout(LINGER_SECONDS):
            while await reader.read(MAX_LINE_BYTES):
                pass


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    writer.write(msgspec.json.encode(reply) + b"\n")
    async with asyncio.timeout(REPLY_SECONDS):
        await writer.drain()

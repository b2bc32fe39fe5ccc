"""The control socket: one JSON line in, one JSON line out (see control/protocol.py for the vocabulary).

The lock file holds its path (engine/service/private_socket.py). Input is never unpickled or evaluated:
msgspec turns a line into one of the declared requests, or it is refused.
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

from mnist_tui.control.protocol import AnyRequest, Attach, Explanation, Ping, Reply
from mnist_tui.engine.service.private_socket import listener_at, make_private, peer_uid

LONGEST_LINE = 64 * 1024
LONGEST_NAME = 100
"""Characters of `by`: it is recorded with everything that was done, and shown."""
LONGEST_SENTENCE = 1000
MOST_CONNECTIONS = 32
BURST = 200
REQUESTS_PER_SECOND = 100
FACE_SILENCE_SECONDS = 10.0
"""A screen that was not heard of for so long is not watching: stopped, or behind a dead link."""
HALF_LINE_SECONDS = 30.0
"""To finish a request, and for a connection that is no screen's to begin one."""
UNREAD_SECONDS = 10.0
"""To take an answer."""
PARTING_SECONDS = 1.0
QUESTION_SECONDS = 60.0
"""To answer a question; while training goes on, it is worked on for a moment between two batches."""
LOOK_SECONDS = 5.0
"""Between two looks whether the socket is still where it should be."""


class Refused(Exception):  # noqa: N818 (not a failure: an answer)
    """A request is not carried out; the sentence says why and goes back to whoever asked."""


class Desk(Protocol):
    """Who carries the requests out."""

    def handle(self, request: AnyRequest) -> "Future[Explanation] | None":
        """Carry a request out (never Ping or Attach: those are answered here); raises Refused.

        A question's answer comes later.
        """

    def viewers_changed(self, count: int) -> None:
        """So many screens are watching now: attached, and heard of within FACE_SILENCE_SECONDS."""

    @property
    def trouble(self) -> str:
        """A sentence while something cannot be saved, else empty."""


async def serve(listener: socket.socket, desk: Desk, until: asyncio.Event) -> None:
    """Answer requests until the event is set, then hang up on everybody and remove the socket.

    A socket that vanishes is made again.
    """
    path = Path(listener.getsockname())
    reception = _Reception(desk)
    server = await _serve_at(listener, reception)
    try:
        while not until.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), LOOK_SECONDS)
            with contextlib.suppress(OSError):
                if not until.is_set() and not path.is_socket():
                    # The system empties XDG_RUNTIME_DIR with the last log-out, as a dropped SSH connection is; after
                    # the next log-in the run must be found where its lock file says.
                    server.close()
                    make_private(path.parent)
                    server = await _serve_at(listener_at(path), reception)
    finally:
        server.close()  # not wait_closed: from Python 3.12 on it waits for those who are connected to leave
        with contextlib.suppress(OSError):
            path.unlink()
        await reception.close()


async def _serve_at(listener: socket.socket, reception: "_Reception") -> asyncio.Server:
    return await asyncio.start_unix_server(reception.receive, sock=listener, limit=LONGEST_LINE)


async def answer(line: bytes, desk: Desk, attach: Callable[[], None]) -> Reply:
    """Carry out one request; a line that is none is refused with a reason and harms nothing. Never raises."""
    try:
        explanation = None
        try:
            request = understand(line)
            match request:
                case Ping():
                    pass
                case Attach():
                    attach()
                case _:
                    later = desk.handle(request)
                    if later is not None:
                        async with asyncio.timeout(QUESTION_SECONDS):
                            explanation = await asyncio.wrap_future(later)
        except Refused as refusal:
            return _refusal(str(refusal), desk)
        except TimeoutError:
            return _refusal(f"no answer within {QUESTION_SECONDS:g} s: ask again", desk)
        return Reply(ok=True, trouble=_sayable(desk.trouble), explanation=explanation)
    except Exception as error:
        _log_exception()
        return Reply(ok=False, error=f"the request failed inside the engine ({type(error).__name__}: see engine.log)")


def understand(line: bytes) -> AnyRequest:
    """The request in a line; raises Refused when it is none, or `by` could not be shown on a screen."""
    try:
        request: AnyRequest = msgspec.json.decode(line, type=AnyRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"not a request: {error}") from None
    by = getattr(request, "by", "")
    if len(by) > LONGEST_NAME or not by.isprintable():
        raise Refused(f"not a request: `by` says who asks, in at most {LONGEST_NAME} printable characters")
    return request


def _refusal(sentence: str, desk: Desk) -> Reply:
    return Reply(ok=False, error=_sayable(sentence), trouble=_sayable(desk.trouble))


def _log_exception() -> None:
    """Into engine.log, which may lie on a full disk."""
    with contextlib.suppress(OSError):
        traceback.print_exc()


def _sayable(sentence: str) -> str:
    """Short, and without the stand-ins for undecodable bytes of a file's name: JSON has no place for them."""
    return sentence[:LONGEST_SENTENCE].encode(errors="replace").decode()


class TokenBucket:
    """Allows `size` requests at once and `per_second` in the long run. Times are seconds of any one clock."""

    def __init__(self, size: float, per_second: float, now: float) -> None:
        self._size, self._per_second = size, per_second
        self._tokens, self._filled = size, now

    def take(self, now: float) -> bool:
        """Is one more request allowed?"""
        self._tokens = min(self._size, self._tokens + (now - self._filled) * self._per_second)
        self._filled = now
        allowed = self._tokens >= 1
        self._tokens -= allowed
        return allowed


class _Viewers:
    """The screens that watch. One that falls silent is not counted until it speaks again."""

    def __init__(self, changed: Callable[[int], None]) -> None:
        self._changed = changed
        self._silences: dict[object, asyncio.TimerHandle] = {}

    def heard(self, face: object) -> None:
        known = self._silences.get(face)
        self._silences[face] = asyncio.get_running_loop().call_later(FACE_SILENCE_SECONDS, self.left, face)
        if known is not None:
            known.cancel()
        else:
            self._tell()

    def left(self, face: object) -> None:
        known = self._silences.pop(face, None)
        if known is not None:
            known.cancel()
            self._tell()

    def _tell(self) -> None:
        try:
            self._changed(len(self._silences))
        except Exception:  # of no concern to the client, whose connection would go with it
            _log_exception()


class _Reception:
    """Those who are connected, one task each."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._viewers = _Viewers(desk.viewers_changed)
        self._conversations: set[asyncio.Task[None] | None] = set()
        self._closed = False

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one client until one of the two hangs up."""
        task = asyncio.current_task()
        self._conversations.add(task)
        try:
            # Gone (ConnectionError), or does not read (TimeoutError); both are OSErrors.
            with contextlib.suppress(OSError):
                if self._closed or len(self._conversations) > 2 * MOST_CONNECTIONS:
                    return
                # Then draining waits for all of an answer, and no more than one is ever held for a client.
                writer.transport.set_write_buffer_limits(high=0)
                parting = self._unwelcome(writer) or await self._converse(reader, writer)
                if parting is not None:
                    await self._part(reader, writer, parting)
        except asyncio.CancelledError:
            if not self._closed:
                raise
            # Python 3.11's streams log a traceback for a cancelled conversation.
        finally:
            self._conversations.discard(task)
            writer.transport.abort()
            self._viewers.left(writer)

    async def close(self) -> None:
        """Hang up on everybody."""
        self._closed = True
        talking = [task for task in self._conversations if task is not None]
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)

    def _unwelcome(self, writer: asyncio.StreamWriter) -> Reply | None:
        uid = peer_uid(writer.get_extra_info("socket"))
        if uid not in (None, 0, os.geteuid()):
            return Reply(ok=False, error=f"this engine is not yours: you are user {uid}, it is user {os.geteuid()}'s")
        if len(self._conversations) > MOST_CONNECTIONS:
            return _refusal(
                f"too many connections: {MOST_CONNECTIONS} are open, close a screen of this run", self._desk
            )
        return None

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Reply | None:
        """Answer line by line; returns what to say before hanging up, None when the client did."""
        clock = asyncio.get_running_loop().time
        bucket = TokenBucket(BURST, REQUESTS_PER_SECOND, clock())
        attached = False

        def attach() -> None:
            nonlocal attached
            attached = True
            self._viewers.heard(writer)

        while True:
            try:
                line = await _read_line(reader, None if attached else HALF_LINE_SECONDS)
            except TimeoutError:
                return _refusal(f"no whole request for {HALF_LINE_SECONDS:g} s", self._desk)
            except ValueError:
                return _refusal(f"a request has at most {LONGEST_LINE} bytes", self._desk)
            if not line:
                return None
            if not bucket.take(clock()):
                return _refusal(f"too many requests: at most {REQUESTS_PER_SECOND} a second", self._desk)
            if attached:
                self._viewers.heard(writer)
            await _say(writer, await answer(line, self._desk, attach))

    async def _part(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parting: Reply) -> None:
        """Say a last word and hear the client out for a while: else its request fails before it reads the answer."""
        await _say(writer, parting)
        writer.write_eof()
        async with asyncio.timeout(PARTING_SECONDS):
            for _ in range(16):
                if not await reader.read(LONGEST_LINE):
                    return


async def _read_line(reader: asyncio.StreamReader, patience: float | None) -> bytes:
    """The next line, empty at the end; raises TimeoutError, and ValueError when it is too long.

    `patience` is for its first byte, in seconds (None: for ever); the others must come within HALF_LINE_SECONDS.
    """
    async with asyncio.timeout(patience):
        first = await reader.read(1)
    if first in (b"", b"\n"):
        return first
    async with asyncio.timeout(HALF_LINE_SECONDS):
        return first + await reader.readline()


async def _say(writer: asyncio.StreamWriter, answer: Reply) -> None:
    writer.write(msgspec.json.encode(answer) + b"\n")
    async with asyncio.timeout(UNREAD_SECONDS):
        await writer.drain()

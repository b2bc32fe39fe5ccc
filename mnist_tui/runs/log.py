"""Reading and writing of events.jsonl."""

import os
from collections import deque
from pathlib import Path
from typing import BinaryIO

from mnist_tui.events import AnyEvent, Event, decode_lines, encode
from mnist_tui.runs.directory import opened

MAX_HELD_EVENTS = 200_000
"""Events kept in memory while they cannot be written: more than an hour of steps."""
CHUNK = 1 << 20
"""Bytes read at once: about 6,000 steps, whose Python objects take little memory."""


class EventLog:
    """Writer of events. Each line goes to the kernel at once, so that it survives the process.

    If a line cannot be written, training goes on and the events wait in memory, in order.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._held: deque[bytes] = deque(maxlen=MAX_HELD_EVENTS)
        self.trouble = ""
        """Reason why events wait in memory; empty if none does."""
        self._remove_incomplete_line()

    @property
    def held(self) -> int:
        """Number of events that wait in memory."""
        return len(self._held)

    def append(self, event: Event) -> None:
        """Write one event in one system call, so that a crash can only truncate the last line."""
        self._held.append(encode(event))
        self.retry()

    def retry(self) -> None:
        """Write the events that wait in memory, until one fails."""
        try:
            while self._held:
                self._write(self._held[0])
                self._held.popleft()
        except OSError as error:
            self.trouble = error.strerror or str(error)
        else:
            self.trouble = ""

    def flush(self) -> None:
        """Sync the written events to the disk."""
        self.retry()
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            self.trouble = self.trouble or error.strerror or str(error)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write(self, line: bytes) -> None:
        """Write a whole line or nothing of it; a full disk may accept only a part."""
        end = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                written += os.write(self._descriptor, line[written:])
            if written < len(line):
                raise OSError("only a part of the line was written")
        except OSError:
            if os.fstat(self._descriptor).st_size > end:
                os.ftruncate(self._descriptor, end)
            raise

    def _remove_incomplete_line(self) -> None:
        """Remove an incomplete last line, left by an engine that was killed."""
        size = os.fstat(self._descriptor).st_size
        tail_start = max(0, size - (1 << 20))
        tail = os.pread(self._descriptor, size - tail_start, tail_start)
        if tail and not tail.endswith(b"\n"):
            os.ftruncate(self._descriptor, tail_start + tail.rfind(b"\n") + 1)


class LogFollower:
    """Reader of a growing log. `read` returns the events since the last call.

    It leaves a line without a newline for later, and skips and counts lines that this version does not know.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.unknown = 0

    def read(self, limit: int = CHUNK) -> list[AnyEvent]:
        """Return new events, oldest first, from about `limit` bytes at most; empty at the end of the file.

        To read everything, call it until it returns nothing.
        """
        try:
            with opened(self._path) as file:
                file.seek(self._offset)
                while True:
                    complete = _whole_lines(file, limit)
                    if not complete:
                        return []
                    self._offset += len(complete)
                    events, unknown = decode_lines(complete)
                    self.unknown += unknown
                    if events:  # a chunk may hold unknown lines only
                        return events
                    file.seek(self._offset)
        except FileNotFoundError:
            return []


def _whole_lines(file: BinaryIO, limit: int) -> bytes:
    """Read up to the last newline within `limit` bytes, or to the end of a line that is longer."""
    data = file.read(limit)
    end = data.rfind(b"\n") + 1
    if not end and len(data) == limit:
        data += file.readline()
        end = data.rfind(b"\n") + 1
    return data[:end]

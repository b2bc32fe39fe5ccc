"""Append to and follow events.jsonl."""

import os
from collections import deque
from pathlib import Path
from typing import BinaryIO

from mnist_tui.events import AnyEvent, Event, decode_lines, encode
from mnist_tui.runs.directory import opened

MOST_HELD = 200_000
"""Events kept in memory while the disk refuses them: an hour and more of steps."""
CHUNK = 1 << 20
"""Bytes read at once: some 6,000 steps, so that their Python objects take no memory worth mentioning."""


class EventLog:
    """The writing end: one event a line, handed to the kernel at once, so that it outlives the process.

    A disk that refuses a line stops nothing: events wait in memory, in order, until it takes them again.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._held: deque[bytes] = deque(maxlen=MOST_HELD)
        self.trouble = ""
        """Why events wait in memory; empty while none does."""
        self._cut_torn_line()

    @property
    def held(self) -> int:
        """How many events wait in memory."""
        return len(self._held)

    def append(self, event: Event) -> None:
        """Write one event in one system call: a crash can tear only the last line."""
        self._held.append(encode(event))
        self.retry()

    def retry(self) -> None:
        """Write the events that wait in memory, as far as the disk takes them."""
        try:
            while self._held:
                self._write(self._held[0])
                self._held.popleft()
        except OSError as error:
            self.trouble = error.strerror or str(error)
        else:
            self.trouble = ""

    def flush(self) -> None:
        """Wait until the disk itself has all events; what it refuses is not waited for."""
        self.retry()
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            self.trouble = self.trouble or error.strerror or str(error)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _write(self, line: bytes) -> None:
        """All of a line or nothing of it: a full disk takes the beginning of one."""
        end = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                written += os.write(self._descriptor, line[written:])
            if written < len(line):
                raise OSError("the disk takes only a part of a line")
        except OSError:
            if os.fstat(self._descriptor).st_size > end:
                os.ftruncate(self._descriptor, end)
            raise

    def _cut_torn_line(self) -> None:
        """Remove what an engine wrote of a line before it was killed."""
        size = os.fstat(self._descriptor).st_size
        tail_start = max(0, size - (1 << 20))
        tail = os.pread(self._descriptor, size - tail_start, tail_start)
        if tail and not tail.endswith(b"\n"):
            os.ftruncate(self._descriptor, tail_start + tail.rfind(b"\n") + 1)


class LogFollower:
    """The reading end: each `read` returns the events that came since the last one.

    A line without its newline is not there yet. Lines that this version does not know are skipped and counted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.unknown = 0

    def read(self, limit: int = CHUNK) -> list[AnyEvent]:
        """New events, oldest first, of at most about `limit` bytes; empty when there are none.

        All that is there takes as many reads as it needs: whoever wants it goes on until nothing comes.
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
                    if events:  # a chunk of nothing but unknown lines is no end
                        return events
                    file.seek(self._offset)
        except FileNotFoundError:
            return []


def _whole_lines(file: BinaryIO, limit: int) -> bytes:
    """What comes next, up to the last newline within `limit` bytes, or up to the first one of a longer line.

    What follows is read again once it is whole, or cut off and written anew.
    """
    data = file.read(limit)
    end = data.rfind(b"\n") + 1
    if not end and len(data) == limit:
        data += file.readline()
        end = data.rfind(b"\n") + 1
    return data[:end]

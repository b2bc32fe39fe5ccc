"""Reading and writing of events.jsonl."""

import contextlib
import errno
import io
import os
import stat
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mnist_tui.event_lines import decode_lines, encode
from mnist_tui.events import AnyEvent, Event, HardwareSampled, LayerStats, StepEnded
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.log_copy import LogCopy
from mnist_tui.runs.replacing import replacing
from mnist_tui.untrusted import opened

MAX_HELD_EVENTS = 200_000
"""Events kept in memory while they cannot be written: more than an hour of steps. Rare events have no limit."""
CHUNK = 1 << 20
"""Bytes read at once: about 6,000 steps, whose Python objects take little memory."""
TAIL_BYTES = 256
"""Bytes that show whether a log is still the same."""
MAX_LINE = 4 << 20
"""Bytes of the longest line that is decoded: ten times an epoch of 256 classes."""
MAX_SKIPPED = 64 << 20
"""Bytes of the longest line that is skipped. A longer one ends the log: searching a hole of any size takes long."""


class EventLog:
    """Writer of events. Each line goes to the kernel at once, so that it survives the process.

    If a line cannot be written, training goes on and the events wait in memory, in order. If the file is removed,
    replaced or truncated, it is written again before the next line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o644)
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        self._held: deque[bytes] = deque()
        self.was_restored = False
        """True if the file was written again."""
        self.error = ""
        """Reason why events wait in memory; empty if none does."""
        self._remove_incomplete_line()
        self._copy = LogCopy()
        self._end = 0
        """Size of the file after the last line."""
        self._tail = b""
        """Last line, or its end."""
        for chunk in self._chunks():
            self._note(chunk)

    @property
    def held(self) -> int:
        """Number of events that wait in memory."""
        return len(self._held)

    def append(self, event: Event) -> None:
        """Write one event in one system call, so that a crash can only truncate the last line."""
        if len(self._held) >= MAX_HELD_EVENTS:
            self.retry()
        if len(self._held) < MAX_HELD_EVENTS or not isinstance(event, StepEnded | LayerStats | HardwareSampled):
            self._held.append(encode(event))
        self.retry()

    def retry(self) -> None:
        """Write the events that wait in memory, until one fails."""
        try:
            if not self._is_intact():
                self._restore()
            while self._held:
                self._write(self._held[0])
                self._held.popleft()
        except OSError as error:
            self.error = error.strerror or str(error)
        else:
            self.error = ""

    def flush(self) -> None:
        """Sync the written events to the disk."""
        self.retry()
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            self.error = self.error or error.strerror or str(error)

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
        self._end = end
        self._note(line)

    def _note(self, data: bytes) -> None:
        """Note what is at the end of the file."""
        self._copy.add(data)
        self._end += len(data)
        self._tail = data[data.rfind(b"\n", 0, -1) + 1 :]

    def _is_intact(self) -> bool:
        """Return True if the file is in its place with the last line, or the whole run directory is gone."""
        if self._read_tail() != self._tail:
            return False
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return not self._path.parent.exists()

    def _read_tail(self) -> bytes:
        return os.pread(self._descriptor, len(self._tail), max(0, self._end - len(self._tail)))

    def _restore(self) -> None:
        """Write the whole file again; raises OSError. A folder or a pipe in its place is renamed."""
        if os.path.lexists(self._path) and not self._path.is_file():
            self._path.rename(self._path.with_name(f"{self._path.name}.{time.time_ns()}"))
        with replacing(self._path) as temporary:
            with temporary.open("wb") as file:
                file.writelines(self._copy.chunks() if self._copy.is_complete else self._chunks())
            descriptor = os.open(temporary, os.O_RDWR | os.O_APPEND)
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._end = os.fstat(descriptor).st_size
        self._tail = self._read_tail()
        self.was_restored = True

    def _chunks(self) -> Iterator[bytes]:
        """Yield the contents of the open file, which stay readable if it is removed."""
        position = 0
        while chunk := os.pread(self._descriptor, CHUNK, position):
            yield chunk
            position += len(chunk)

    def _remove_incomplete_line(self) -> None:
        """Remove an incomplete last line of any length, left by an engine that was killed or by a power cut."""
        size = os.fstat(self._descriptor).st_size
        end = min(size, _end_of_data(self._descriptor, size))
        while end:
            start = max(0, end - CHUNK)
            newline = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._descriptor, end)


def _end_of_data(descriptor: int, size: int) -> int:
    """Return where the file has nothing but a hole up to its end, which may be of any size; else its size."""
    try:
        hole = os.lseek(descriptor, 0, os.SEEK_HOLE)
    except OSError:  # an empty file, or a disk without holes
        return size
    try:
        os.lseek(descriptor, hole, os.SEEK_DATA)
    except OSError:
        return hole
    return size


def append_line(path: Path, event: Event) -> None:
    """Append an event from another process than the engine, which may be live; raises OSError.

    One system call writes the line at the end of the file, so that it is between two lines of the engine.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK)
    try:
        size = os.fstat(descriptor).st_size
        is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # the engine was killed while it wrote
        line = (b"\n" if is_torn else b"") + encode(event)
        written = os.write(descriptor, line)
        if written < len(line) and os.fstat(descriptor).st_size == size + written:
            os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


class LogFollower:
    """Reader of a growing log. `read` returns the events since the last call.

    It leaves a line without a newline for later, and skips and counts lines that this version cannot read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._tail = b""
        """End of what was read, which is missing while another file is in the log's place."""
        self._incomplete = 0
        """Size of the file at which its rest had no newline, so that a long rest is searched only once."""
        self.unknown = 0

    def read(self, limit: int = CHUNK) -> list[AnyEvent]:
        """Return new events, oldest first, from about `limit` bytes at most; empty at the end of the file.

        To read everything, call it until it returns nothing. Raises RunError if the file cannot be read.
        """
        with opened_log(self._path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(self._offset - len(self._tail))
            if file.read(len(self._tail)) != self._tail:
                return []  # the engine will write the log again
            while size != self._incomplete:
                found = next_lines(file, limit)
                if not found.length:
                    self._incomplete = size
                    break
                self._offset += found.length
                self._tail = found.lines[-TAIL_BYTES:]
                events, unknown = decode_lines(found.lines) if found.lines else ([], 1)
                self.unknown += unknown
                if events:  # a chunk may hold unknown lines only
                    return events
        return []


@contextlib.contextmanager
def opened_log(path: Path) -> Iterator[BinaryIO]:
    """Open a log for reading, as an empty file if there is none yet; raises RunError, also if reading fails."""
    try:
        with opened(path) if os.path.lexists(path) else io.BytesIO() as file:
            yield file
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}): restore it or make it readable") from None


class Lines(NamedTuple):
    """Complete lines of a log, and the number of bytes that they take in the file: 0 at its end."""

    lines: bytes
    """Empty in place of a line that is longer than MAX_LINE."""
    length: int


def next_lines(file: BinaryIO, limit: int = CHUNK) -> Lines:
    """Read up to the last newline within `limit` bytes, or to the end of a line that is longer."""
    start = file.tell()
    data = file.read(limit)
    end = data.rfind(b"\n") + 1
    if end or len(data) < limit:
        file.seek(start + end)
        return Lines(data[:end], end)
    length = len(data)
    while length <= MAX_SKIPPED and (part := file.readline(CHUNK)):
        length += len(part)
        data = data + part if length <= MAX_LINE else b""
        if part.endswith(b"\n"):
            return Lines(data, length)
    file.seek(start)
    return Lines(b"", 0)

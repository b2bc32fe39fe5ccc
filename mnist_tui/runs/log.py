"""Append to and follow events.jsonl."""

from pathlib import Path

from mnist_tui.events import AnyEvent, Event, decode, encode


class EventLog:
    """The writing end: one event a line, handed to the kernel at once, so that it outlives the process."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def append(self, event: Event) -> None:
        """Write one event in one system call: a reader or a crash can tear only the last line."""
        self._file.write(encode(event))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class LogFollower:
    """The reading end: each `read` returns the events that came since the last one.

    A line without its newline is not there yet. Lines that this version does not know are skipped and counted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.unknown = 0

    def read(self, limit: int = 64 << 20) -> list[AnyEvent]:
        """New events, oldest first, of at most `limit` bytes; an empty list when there are none."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(limit)
        except FileNotFoundError:
            return []
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)  # what follows is read again once it is whole, or cut off and written anew
        events = [decode(line) for line in complete.split(b"\n") if line]
        known = [event for event in events if event is not None]
        self.unknown += len(events) - len(known)
        return known

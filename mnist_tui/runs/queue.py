"""The queue: runs that wait for a free device, in a folder beside the runs.

The folder `queue` holds entries.jsonl, an entry a line in the order of the starts. Lines that could not be read are
moved to rejected.jsonl. If there is a file `paused`, no further run starts. The runner (control/queue_runner.py) holds
`lock` and writes runner.log.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from mnist_tui.runs.directory import home
from mnist_tui.runs.errors import RunError
from mnist_tui.runs.liveness import LiveEngine, find_engine, last_endpoint, this_machine
from mnist_tui.runs.lock import RunLock, try_lock
from mnist_tui.runs.queue_entry import Entry, State, decode_entry
from mnist_tui.runs.replacing import replacing
from mnist_tui.untrusted import read_bytes, sanitize

FOLDER = "queue"
"""Name of the queue's folder, beside the runs."""
MAX_BYTES = 64 << 20
MAX_ENTRIES = 100_000
KEPT_ENDED = 100
"""Newest ended entries that stay listed."""
EDIT_SECONDS = 10.0
"""Time within which another process must have changed the queue."""
POLL_SECONDS = 0.01
NAMED_TROUBLES = 3


class Contents(NamedTuple):
    """The entries: ended ones first, then running ones, then those that wait, the next one first."""

    entries: tuple[Entry, ...]
    troubles: tuple[str, ...]
    """Lines of the files that cannot be read, each in a sentence."""

    def of(self, *states: State) -> tuple[Entry, ...]:
        """Return the entries in these states."""
        return tuple(entry for entry in self.entries if entry.state in states)


@dataclass(frozen=True)
class QueueState:
    """The queue as lists and screens show it."""

    contents: Contents
    is_paused: bool
    runner: LiveEngine | None
    """The process that starts the runs."""
    hindrance: str = ""
    """Why the runner does not start the next run although a device may be free."""
    is_interrupted: bool = False
    """True if the machine was restarted while there was work, so that the user decides if the queue goes on."""

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """Entries that wait, the next one first."""
        return self.contents.of(State.WAITING)

    @property
    def running(self) -> tuple[Entry, ...]:
        """Entries whose runs train."""
        return self.contents.of(State.RUNNING)

    @property
    def needs_runner(self) -> bool:
        """True if there is work, and no process that does it."""
        return self.runner is None and bool(self.running or (self.waiting and not self.is_paused))


class Queue:
    """Files of the queue in the home of runs; raises ConfigError without a home folder."""

    def __init__(self) -> None:
        self.path = home() / FOLDER
        self.entries_path = self.path / "entries.jsonl"
        self.rejected_path = self.path / "rejected.jsonl"
        self.log_path = self.path / "runner.log"
        self.lock = RunLock(self.path)
        self._paused_path = self.path / "paused"
        self._known: tuple[object, Contents] | None = None

    @property
    def is_paused(self) -> bool:
        """True if no further run is to start."""
        return self._paused_path.exists()

    def read(self) -> Contents:
        """Read the entries; raises RunError if the file cannot be read."""
        stamp = _stamp(self.entries_path), _stamp(self.rejected_path)
        if self._known is None or self._known[0] != stamp:
            lines, kept = _lines(self.entries_path), _lines(self.rejected_path)
            self._known = (
                stamp,
                Contents(_ordered(lines.entries), (*_shortened(lines.troubles), *self._kept_words(kept))),
            )
        return self._known[1]

    def _kept_words(self, kept: "_Lines") -> list[str]:
        """Return the sentence on lines that were moved to rejected.jsonl, if there are any."""
        count = len(kept.rejected) + len(kept.entries)
        lines = "line 1" if count == 1 else f"lines 1 to {count:,}"
        fix = f"move them back to {self.entries_path.name} once they are correct, or delete the file"
        return [f"{self.rejected_path}, {lines}, could not be read as entries: {fix}"] if count else []

    def state(self) -> QueueState:
        """Read all that lists and screens show; raises RunError if the entries cannot be read."""
        runner, last, contents = find_engine(self.lock.path), last_endpoint(self.lock.path), self.read()
        is_from_before = last is not None and last.machine not in ("", this_machine())
        return QueueState(
            contents,
            is_paused=self.is_paused,
            runner=runner,
            hindrance=sanitize(last.save_error) if runner is not None and last is not None else "",
            is_interrupted=runner is None and is_from_before and bool(contents.of(State.RUNNING, State.WAITING)),
        )

    def add(self, given: Iterable[Mapping[str, str]], group: str = "") -> list[Entry]:
        """Add runs behind all others, and return their entries.

        Args:
            given: Settings of each run, as text, checked.
            group: Tag of the runs.

        Raises:
            RunError: The disk refuses it, or the queue is too long.
        """
        with self.edited() as entries:
            first, now = max((entry.number for entry in entries), default=0) + 1, time.time()
            added = [
                Entry(number=number, added=now, settings=dict(settings), group=group)
                for number, settings in enumerate(given, first)
            ]
            if len(entries) + len(added) > MAX_ENTRIES:
                raise RunError(f"{len(added):,} more runs are too many: the queue holds at most {MAX_ENTRIES:,}")
            entries += added
        return added

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove entries.

        Raises:
            RunError: One is running or not in the queue, or the disk refuses it; then none is removed.
        """
        wanted = set(numbers)
        with self.edited() as entries:
            for number in sorted(wanted):
                entry = _entry(entries, number)
                if entry.state is State.RUNNING:
                    raise RunError(f"entry {number} is running: `mnist-tui stop {entry.run}` ends its run")
            entries[:] = [entry for entry in entries if entry.number not in wanted]

    def move(self, number: int, place: Callable[[int, int], int]) -> int:
        """Move a waiting entry.

        Args:
            number: The entry.
            place: Returns its new position from its present one and the number of waiting entries; the next is 0.

        Returns:
            The new position.

        Raises:
            RunError: It does not wait, or the disk refuses it.
        """
        with self.edited() as entries:
            entry = _entry(entries, number)
            if entry.state is not State.WAITING:
                raise RunError(f"entry {number} is {entry.state}: only waiting entries are moved")
            waiting = [each for each in entries if each.state is State.WAITING]
            before = waiting.index(entry)
            after = max(0, min(place(before, len(waiting)), len(waiting) - 1))
            waiting.insert(after, waiting.pop(before))
            entries[:] = [*(each for each in entries if each.state is not State.WAITING), *waiting]
        return after

    def update(self, entry: Entry) -> bool:
        """Replace an entry by a new version; return False if it was removed. Raises RunError."""
        with self.edited() as entries:
            places = [place for place, each in enumerate(entries) if each.key == entry.key]
            for place in places:
                entries[place] = entry
        return bool(places)

    def pause(self) -> None:
        """Start no further run; raises RunError."""
        with self._explained():
            self.path.mkdir(parents=True, exist_ok=True)
            self._paused_path.touch()

    def unpause(self) -> None:
        """Start runs again; raises RunError."""
        with self._explained():
            self._paused_path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def edited(self) -> Iterator[list[Entry]]:
        """Give the entries to change, and write them when the block ends, unless nothing has changed.

        No other process can change them meanwhile. Lines that cannot be read are moved to rejected.jsonl.

        Raises:
            RunError: The disk refuses it, or another process does not finish its change.
        """
        with self.locked():
            lines = _lines(self.entries_path)
            entries = list(lines.entries)
            yield entries
            if entries != lines.entries or lines.rejected:
                with self._explained():
                    self._write(entries, lines.rejected)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the entries; raises RunError."""
        with contextlib.ExitStack() as stack:
            with self._explained():
                self.path.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context((self.path / ".edit.lock").open("a"))
            deadline = time.monotonic() + EDIT_SECONDS
            while not try_lock(file.fileno(), self.path):
                if time.monotonic() > deadline:
                    raise RunError(f"{self.path} is being changed by another process: try again")
                time.sleep(POLL_SECONDS)
            yield

    def _write(self, entries: list[Entry], rejected: list[bytes]) -> None:
        if rejected:
            with self.rejected_path.open("ab") as file:
                file.writelines(line + b"\n" for line in rejected)
                file.flush()
                os.fsync(file.fileno())
        with replacing(self.entries_path, durable=True) as temporary, temporary.open("wb") as file:
            file.writelines(msgspec.json.encode(entry) + b"\n" for entry in _ordered(entries))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunError(
                f"{self.path} cannot be written ({error.strerror}): free some space, or make it writable"
            ) from None


@dataclass(frozen=True)
class _Lines:
    """Contents of a file of entries."""

    entries: list[Entry]
    rejected: list[bytes]
    """Lines that are no entries."""
    troubles: list[str]


def _lines(path: Path) -> _Lines:
    try:
        data = read_bytes(path, MAX_BYTES)
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}): restore it, or move it away") from None
    found, numbers = _Lines([], [], []), set[int]()
    for place, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            entry = decode_entry(line)
            if entry.number in numbers:
                raise ValueError(f"entry {entry.number} is there twice")
        except (ValueError, RecursionError) as error:  # of msgspec as well
            found.rejected.append(line)
            found.troubles.append(
                f"{path}, line {place}, is not an entry ({sanitize(str(error))}): correct or delete it"
            )
        else:
            numbers.add(entry.number)
            found.entries.append(entry)
    return found


def _ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the newest ended entries, the running ones, then those that wait."""
    groups: tuple[list[Entry], ...] = [], [], []
    for entry in entries:
        groups[0 if entry.state.is_over else 1 if entry.state is State.RUNNING else 2].append(entry)
    over, running, waiting = groups
    return (*over[-KEPT_ENDED:], *running, *waiting)


def _entry(entries: list[Entry], number: int) -> Entry:
    found = next((entry for entry in entries if entry.number == number), None)
    if found is None:
        raise RunError(f"there is no entry {number} in the queue: `mnist-tui queue` lists them")
    return found


def _shortened(troubles: list[str]) -> tuple[str, ...]:
    more = len(troubles) - NAMED_TROUBLES
    return (*troubles[:NAMED_TROUBLES], *([f"{more:,} more lines cannot be read"] if more > 0 else []))


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino

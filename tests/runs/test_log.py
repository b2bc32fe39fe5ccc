"""Every event is written and read once, even if the disk is full or the file is damaged."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_tui.event_lines import decode, encode
from mnist_tui.events import AnyEvent, EpochEnded, StepEnded
from mnist_tui.runs import log as log_module
from mnist_tui.runs.log import EventLog, LogFollower
from tests.kit import samples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def steps(events: list[AnyEvent]) -> list[int]:
    return [event.step for event in events if isinstance(event, StepEnded)]


def test_appended_events_are_read_once(path: Path) -> None:
    log, follower = EventLog(path), LogFollower(path)
    log.append(samples.step_ended(1))
    log.append(samples.step_ended(2))
    assert steps(follower.read()) == [1, 2]
    assert follower.read() == []
    log.append(samples.step_ended(3))
    assert steps(follower.read()) == [3]
    log.close()


def test_an_existing_log_is_appended_to(path: Path) -> None:
    for step in (1, 2):
        log = EventLog(path)
        log.append(samples.step_ended(step))
        log.close()
    assert steps(LogFollower(path).read()) == [1, 2]


def test_a_log_that_does_not_exist_yet_is_empty(path: Path) -> None:
    follower = LogFollower(path)
    assert follower.read() == []
    append(path, encode(samples.step_ended(1)))
    assert steps(follower.read()) == [1]


def test_a_torn_last_line_is_read_when_it_is_complete(path: Path) -> None:
    follower = LogFollower(path)
    line = encode(samples.step_ended(2))
    append(path, encode(samples.step_ended(1)) + line[:20])
    assert steps(follower.read()) == [1]
    append(path, line[20:-1])
    assert follower.read() == []
    append(path, line[-1:])
    assert steps(follower.read()) == [2]
    assert follower.unknown == 0


def test_any_cut_of_the_file_gives_the_same_events(path: Path) -> None:
    whole = b"".join(encode(samples.step_ended(step)) for step in range(1, 5))
    follower, seen = LogFollower(path), []
    for position in range(0, len(whole), 11):
        append(path, whole[position : position + 11])
        seen += steps(follower.read())
    assert seen == [1, 2, 3, 4]


def test_a_torn_line_that_is_cut_off_and_written_anew_is_read_whole(path: Path) -> None:
    follower = LogFollower(path)
    first = encode(samples.step_ended(1))
    append(path, first + b'{"type":"step_en')
    assert steps(follower.read()) == [1]
    path.write_bytes(first + encode(samples.step_ended(2)))
    assert steps(follower.read()) == [2]


def test_another_file_in_the_logs_place_is_not_read(path: Path) -> None:
    follower = LogFollower(path)
    lines = [encode(samples.step_ended(step)) for step in range(1, 4)]
    path.write_bytes(b"".join(lines[:2]))
    assert steps(follower.read()) == [1, 2]
    path.write_bytes(b"".join(encode(samples.step_ended(step)) for step in range(11, 31)))
    assert follower.read() == []
    path.write_bytes(b"".join(lines))
    assert steps(follower.read()) == [3]


def test_unknown_lines_are_skipped_and_counted(path: Path) -> None:
    strange = (
        b'{"type":"layer_dreamed","time":1.0}\n'
        + b"\x00\xff rubbish\n"
        + b'{"type":"run_failed","time":1,"error":"\xff"}\n'
    )
    append(path, encode(samples.step_ended(1)) + strange + encode(samples.step_ended(2)))
    follower = LogFollower(path)
    assert steps(follower.read()) == [1, 2]
    assert follower.unknown == 3
    append(path, b'{"type":"step_dreamed"}\n')
    assert follower.read() == []
    assert follower.unknown == 4


def test_a_limit_bounds_what_one_read_returns_and_loses_nothing(path: Path) -> None:
    lines = [encode(samples.step_ended(step)) for step in range(1, 31)]
    append(path, b"".join(lines))
    follower, reads = LogFollower(path), list[list[int]]()
    while events := follower.read(limit=3 * len(lines[-1])):
        reads.append(steps(events))
    assert max(len(read) for read in reads) <= 3
    assert [step for read in reads for step in read] == list(range(1, 31))


class SmallDisk:
    """A replacement for `os.write` on a disk with `room` bytes, which writes the part that fits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int = 0) -> None:
        self.room = room
        self._write, self._cut = os.write, os.ftruncate
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "ftruncate", self.cut)

    def write(self, descriptor: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(descriptor, data[: self.room])
        self.room -= written
        return written

    def cut(self, descriptor: int, length: int) -> None:
        self.room += os.fstat(descriptor).st_size - length
        self._cut(descriptor, length)


LINE = len(encode(samples.step_ended(1)))


@pytest.mark.parametrize("room", [0, 1, LINE - 1], ids=["nothing", "one byte", "all but the newline"])
def test_a_line_that_does_not_fit_on_the_disk_waits(path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    log, disk = EventLog(path), SmallDisk(monkeypatch, LINE + room)
    log.append(samples.step_ended(1))
    assert (log.held, log.error) == (0, "")
    log.append(samples.step_ended(2))
    assert path.read_bytes() == encode(samples.step_ended(1))
    assert (log.held, log.error) == (1, "No space left on device")
    log.append(samples.step_ended(3))
    assert log.held == 2
    disk.room += 10 * LINE
    log.append(samples.step_ended(4))
    assert (log.held, log.error) == (0, "")
    assert steps(LogFollower(path).read()) == [1, 2, 3, 4]


@given(grants=st.lists(st.integers(0, 2 * LINE), max_size=30))
def test_however_a_disk_fills_and_empties_no_line_is_torn_lost_or_out_of_order(grants: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        path = Path(folder, "events.jsonl")
        log, disk = EventLog(path), SmallDisk(monkeypatch)
        for step, room in enumerate(grants, 1):
            disk.room += room
            log.append(samples.step_ended(step))
            data = path.read_bytes()
            assert not data or data.endswith(b"\n")
            written = [decode(line) for line in data.splitlines()]
            assert None not in written
            assert steps([event for event in written if event is not None]) == list(range(1, step - log.held + 1))
        disk.room = 1 << 20
        log.append(samples.step_ended(len(grants) + 1))
        assert steps(LogFollower(path).read()) == list(range(1, len(grants) + 2))
        log.close()


def test_a_line_may_be_written_in_two_pieces(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: LINE // 2 + 1]))
    log = EventLog(path)
    log.append(samples.step_ended(1))
    assert path.read_bytes() == encode(samples.step_ended(1))
    assert log.held == 0


def test_the_number_of_waiting_events_is_limited(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MAX_HELD_EVENTS", 3)
    log, disk = EventLog(path), SmallDisk(monkeypatch)
    for step in range(1, 6):
        log.append(samples.step_ended(step))
    log.append(samples.epoch_ended(1))
    assert log.held == 4
    disk.room = 1 << 20
    log.append(samples.step_ended(6))
    events = LogFollower(path).read()
    assert steps(events) == [1, 2, 3, 6]
    assert any(isinstance(event, EpochEnded) for event in events)


def test_a_failed_sync_is_reported_and_stops_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:  # noqa: ARG001
        raise OSError(errno.EIO, "Input/output error")

    log = EventLog(path)
    monkeypatch.setattr(os, "fsync", fail)
    log.append(samples.step_ended(1))
    log.flush()
    assert log.error == "Input/output error"
    log.append(samples.step_ended(2))
    assert log.error == ""


@pytest.mark.parametrize("torn", [b"{", encode(samples.step_ended(9))[:-1], b"x" * 5000, b"\xff"], ids=range(4))
@pytest.mark.parametrize("whole", [0, 2])
def test_a_torn_last_line_is_cut_off_before_anything_is_appended(path: Path, torn: bytes, whole: int) -> None:
    append(path, b"".join(encode(samples.step_ended(step)) for step in range(1, whole + 1)) + torn)
    log = EventLog(path)
    log.append(samples.step_ended(whole + 1))
    follower = LogFollower(path)
    assert steps(follower.read()) == list(range(1, whole + 2))
    assert follower.unknown == 0


def test_a_log_without_a_torn_line_stays_as_it_is(path: Path) -> None:
    append(path, encode(samples.step_ended(1)))
    EventLog(path).close()
    assert path.read_bytes() == encode(samples.step_ended(1))


@pytest.mark.parametrize("size", [log_module.CHUNK, log_module.CHUNK + 1, 3 * log_module.CHUNK])
def test_a_torn_last_line_of_any_length_is_cut_off(path: Path, size: int) -> None:
    whole = encode(samples.step_ended(1))
    append(path, whole + bytes(size))
    EventLog(path).close()
    assert path.read_bytes() == whole
    path.write_bytes(bytes(size))
    EventLog(path).close()
    assert path.read_bytes() == b""


def test_a_line_longer_than_any_event_is_skipped_and_not_kept(path: Path) -> None:
    line = encode(samples.step_ended(1))
    append(path, line + bytes(log_module.MAX_LINE + 1) + b"\n" + line)
    follower = LogFollower(path)
    assert steps(follower.read()) == [1]
    assert steps(follower.read()) == [1]
    assert follower.unknown == 1


def test_a_long_rest_without_a_newline_is_searched_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(path, bytes(3 * log_module.CHUNK))
    follower = LogFollower(path)
    assert follower.read() == []
    monkeypatch.setattr(log_module, "next_lines", lambda *_: pytest.fail("searched again"))
    assert follower.read() == []
    monkeypatch.undo()
    append(path, b"\n" + encode(samples.step_ended(1)))
    assert steps(follower.read()) == [1]


@pytest.mark.parametrize("place", ["a pipe", "an endless device", "a folder"])
def test_only_a_regular_file_is_a_log(path: Path, place: str) -> None:
    if place == "a pipe":
        os.mkfifo(path)
    elif place == "a folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match=r"directory|regular"):
        EventLog(path)


def test_a_hole_of_any_size_ends_the_log(path: Path) -> None:
    append(path, encode(samples.step_ended(1)))
    os.truncate(path, 1 << 40)
    follower = LogFollower(path)
    assert steps(follower.read()) == [1]
    assert follower.read() == []
    EventLog(path).close()
    assert path.read_bytes() == encode(samples.step_ended(1))

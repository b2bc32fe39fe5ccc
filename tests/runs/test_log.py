"""The log is read line by line, each once, whatever else lies in the file."""

from pathlib import Path

import pytest

from mnist_tui.events import AnyEvent, StepEnded, encode
from mnist_tui.runs.log import EventLog, LogFollower
from tests import samples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def steps(events: list[AnyEvent]) -> list[int]:
    return [event.step for event in events if isinstance(event, StepEnded)]


def test_what_is_appended_is_read_once(path: Path) -> None:
    log, follower = EventLog(path), LogFollower(path)
    log.append(samples.step_ended(1))
    log.append(samples.step_ended(2))
    assert steps(follower.read()) == [1, 2]
    assert follower.read() == []
    log.append(samples.step_ended(3))
    assert steps(follower.read()) == [3]
    log.close()


def test_a_log_goes_on_behind_what_is_there(path: Path) -> None:
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

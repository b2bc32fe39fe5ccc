"""The queue's file: what edits keep, in which order entries start, and what becomes of lines that are no entries."""

import fcntl
import os
from collections.abc import Callable

import msgspec
import pytest

from mnist_tui.runs import queue as queue_module
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.liveness import Endpoint, write_endpoint
from mnist_tui.runs.queue import KEPT_ENDED, Queue
from mnist_tui.runs.queue_entry import Entry, State


@pytest.fixture
def queue() -> Queue:
    return Queue()


def numbers(queue: Queue, *states: State) -> list[int]:
    return [entry.number for entry in queue.read().of(*(states or State))]


def add(queue: Queue, count: int) -> list[Entry]:
    return queue.add({"seed": str(seed)} for seed in range(count))


def mark(queue: Queue, entry: Entry, state: State) -> None:
    assert queue.update(msgspec.structs.replace(entry, state=state))


def test_an_empty_queue_needs_no_folder(queue: Queue) -> None:
    assert queue.read().entries == ()
    assert not queue.state().needs_runner
    assert not queue.path.exists()


def test_entries_keep_their_order_and_what_is_added_comes_last(queue: Queue) -> None:
    add(queue, 2)
    queue.add([{"preset": "fast"}], "sweep")
    assert numbers(Queue()) == [1, 2, 3]
    assert Queue().read().entries[2].group == "sweep"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (lambda at, _: at - 1, [1, 3, 2, 4]),
        (lambda at, _: at + 1, [1, 2, 4, 3]),
        (lambda *_: 0, [3, 1, 2, 4]),
        (lambda *_: 99, [1, 2, 4, 3]),
        (lambda *_: -5, [3, 1, 2, 4]),
    ],
    ids=["up", "down", "first", "beyond the end", "before the start"],
)
def test_an_entry_moves(queue: Queue, place: Callable[[int, int], int], expected: list[int]) -> None:
    add(queue, 4)
    queue.move(3, place)
    assert numbers(queue) == expected


def test_ended_entries_come_first_and_only_the_newest_stay(queue: Queue) -> None:
    add(queue, KEPT_ENDED + 3)
    with queue.edited() as entries:
        entries[1:] = [msgspec.structs.replace(entry, state=State.FINISHED) for entry in entries[1:]]
    assert numbers(queue)[-1] == 1
    assert len(numbers(queue, State.FINISHED)) == KEPT_ENDED
    assert numbers(queue)[0] == 4


def test_a_running_entry_is_neither_moved_nor_removed(queue: Queue) -> None:
    entry, _ = add(queue, 2)
    mark(queue, entry, State.RUNNING)
    with pytest.raises(RunError, match="running"):
        queue.move(1, lambda *_: 1)
    with pytest.raises(RunError, match="mnist-tui stop"):
        queue.remove([2, 1])
    assert numbers(queue) == [1, 2]


def test_an_unknown_entry_is_named(queue: Queue) -> None:
    with pytest.raises(RunError, match="no entry 7"):
        queue.remove([7])


def test_a_removed_entry_is_not_brought_back(queue: Queue) -> None:
    (entry,) = add(queue, 1)
    queue.remove([1])
    assert not queue.update(entry)
    assert numbers(queue) == []


RUBBISH = {
    "no JSON": b"learning rate 0.1, please",
    "not UTF-8": b'{"number":\xff}',
    "not an object": b"[1, 2]",
    "no number": b'{"settings":{}}',
    "a number twice": b'{"number":1,"added":0,"settings":{}}',
    "a path as run": b'{"number":9,"added":0,"settings":{},"run":"../../etc"}',
    "nested": b"[" * 100_000,
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
def test_a_line_that_is_no_entry_is_named_and_kept_aside(queue: Queue, rubbish: bytes) -> None:
    add(queue, 2)
    first, second = queue.entries_path.read_bytes().splitlines()
    queue.entries_path.write_bytes(b"\n".join([first, rubbish, b"", second]))

    contents = queue.read()
    assert [entry.number for entry in contents.entries] == [1, 2]
    (trouble,) = contents.troubles
    assert f"{queue.entries_path}, line 2" in trouble
    assert trouble.isprintable()
    assert rubbish in queue.entries_path.read_bytes(), "reading changes nothing"

    queue.move(2, lambda *_: 0)
    assert queue.rejected_path.read_bytes() == rubbish + b"\n"
    assert numbers(queue) == [2, 1]
    (trouble,) = queue.read().troubles
    assert f"{queue.rejected_path}, line 1" in trouble


def test_numbers_written_by_hand_are_settings(queue: Queue) -> None:
    queue.path.mkdir(parents=True)
    queue.entries_path.write_text('{"number": 1, "added": 0, "settings": {"seed": 3, "learning_rate": 0.02}}\n')
    (entry,) = queue.read().entries
    assert entry.settings == {"seed": "3", "learning_rate": "0.02"}


def test_texts_of_the_file_are_sanitised(queue: Queue) -> None:
    queue.path.mkdir(parents=True)
    line = {
        "number": 1,
        "added": 0.0,
        "settings": {"preset": "\x1b[2J", "model": "/tmp/a\x1bb.py"},
        "error": "\x1b]0;x",
    }
    queue.entries_path.write_bytes(msgspec.json.encode(line))
    (entry,) = queue.read().entries
    assert entry.words.isprintable()
    assert entry.error.isprintable()
    assert entry.settings["model"] == "/tmp/a\x1bb.py", "a path is opened as it was written"


def test_a_pause_is_remembered(queue: Queue) -> None:
    add(queue, 1)
    queue.pause()
    assert not Queue().state().needs_runner
    queue.unpause()
    assert Queue().state().needs_runner


def test_a_killed_runner_of_this_boot_is_replaced_and_one_from_before_a_restart_is_asked_about(queue: Queue) -> None:
    add(queue, 1)
    lock = queue.lock.acquire()
    assert queue.state().runner is not None
    os.close(lock)  # as by kill -9
    assert queue.state().needs_runner
    assert not queue.state().is_interrupted
    lock = queue.lock.acquire()
    write_endpoint(lock, Endpoint(77, None, "elsewhere", "another boot"))
    os.utime(lock, (0, 0))
    os.close(lock)
    assert queue.state().is_interrupted


def test_a_change_that_another_process_does_not_finish_is_given_up(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "EDIT_SECONDS", 0.05)
    add(queue, 1)
    with (queue.path / ".edit.lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="another process"):
            add(queue, 1)
    assert numbers(queue) == [1]


def test_a_disk_that_refuses_a_change_loses_nothing(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    add(queue, 1)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(queue_module, "replacing", refuse)
    with pytest.raises(RunError, match="No space left"):
        add(queue, 1)
    assert numbers(queue) == [1]

"""Files and events on a disk that fails."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_tui.engine.recording.event_writer import EventWriter
from mnist_tui.engine.recording.retrying_writer import RetryingWriter
from mnist_tui.events import AlertKind, AlertRaised, EndReason, Event, ResumeReason, RunEnded, RunResumed
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.log import LogFollower
from tests.kit import samples


def fail() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def succeed() -> None:
    pass


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    (tmp_path / "run").mkdir()
    return RunDirectory(tmp_path / "run")


def test_a_failed_write_raises_one_alert_and_is_reported_until_it_succeeds(run: RunDirectory) -> None:
    events: list[Event] = []
    writer = RetryingWriter(run, events.append)
    assert writer.trouble == ""
    assert not writer.write("model.keras", fail, step=3, epoch=1)
    assert not writer.write("model.keras", fail, step=9, epoch=2)
    (alert,) = events
    assert isinstance(alert, AlertRaised)
    assert (alert.kind, alert.step, alert.epoch) == (AlertKind.NOT_SAVED, 3, 1)
    assert "model.keras is not saved (No space left on device)" in alert.text
    assert writer.trouble == "not saved: model.keras (No space left on device)"
    assert list(writer.unsaved) == ["model.keras"]
    assert writer.write("model.keras", succeed, step=12, epoch=2)
    assert writer.trouble == ""
    assert not writer.unsaved


def test_a_failed_write_is_repeated_with_the_next_one_but_a_checkpoint_is_not(run: RunDirectory) -> None:
    writer, room, written = RetryingWriter(run, lambda _: None), [False], list[str]()

    def writing(name: str) -> Callable[[], None]:
        return lambda: written.append(name) if room[0] else fail()

    for name in ("checkpoint", "predictions/epoch-0001.npz", "predictions/epoch-0002.npz"):
        assert not writer.write(name, writing(name), step=3, epoch=1)
    room[0] = True
    assert writer.write("predictions/epoch-0002.npz", writing("the newer second epoch"), step=9, epoch=2)
    assert written == ["predictions/epoch-0001.npz", "the newer second epoch"]
    assert list(writer.unsaved) == ["checkpoint"]
    assert writer.write("digits/test.npz", succeed, step=9, epoch=2)
    assert written == ["predictions/epoch-0001.npz", "the newer second epoch"]


def test_a_background_write_ends_before_the_next_one_and_its_failure_is_reported(run: RunDirectory) -> None:
    events: list[Event] = []
    writer, done, room = RetryingWriter(run, events.append), list[str](), threading.Event()

    def write_late() -> None:
        room.wait()
        done.append("model.keras")

    writer.write_in_background("model.keras", write_late, lambda: done.append("written"), step=3, epoch=1)
    assert done == []
    room.set()
    assert writer.write("checkpoint", lambda: done.append("checkpoint"), step=4, epoch=1)
    assert done == ["model.keras", "written", "checkpoint"]

    writer.write_in_background("model.keras", fail, lambda: done.append("written again"), step=6, epoch=2)
    writer.wait()
    assert writer.trouble == "not saved: model.keras (No space left on device)"
    (alert,) = events
    assert isinstance(alert, AlertRaised)
    assert (alert.step, alert.epoch) == (6, 2)
    assert "written again" not in done


def test_other_errors_of_a_background_write_are_raised(run: RunDirectory) -> None:
    writer = RetryingWriter(run, lambda _: None)

    def raise_error() -> None:
        raise ValueError("no model")

    writer.write_in_background("model.keras", raise_error, succeed, step=3, epoch=1)
    with pytest.raises(ValueError, match="no model"):
        writer.wait()
    writer.wait()


def test_a_deleted_run_directory_is_reported(run: RunDirectory) -> None:
    events: list[Event] = []
    writer = RetryingWriter(run, events.append)
    run.path.rmdir()
    assert not writer.write("checkpoint", fail, step=3, epoch=1)
    assert isinstance(events[0], AlertRaised)
    assert "has vanished" in events[0].text
    assert "has vanished" in writer.trouble


def test_events_after_the_end_are_dropped_until_the_run_is_resumed(run: RunDirectory) -> None:
    event_writer = EventWriter(run)
    ended = RunEnded(time=1.0, reason=EndReason.COMPLETED)
    resumed = RunResumed(time=3.0, reason=ResumeReason.TRAINED_ON, step=1, epoch=1, by="a test")
    for event in (samples.step_ended(1), ended, samples.step_ended(2), resumed, samples.step_ended(3)):
        event_writer.emit(event)
    assert [type(event).__name__ for event in LogFollower(run.events_path).read()] == [
        "StepEnded",
        "RunEnded",
        "RunResumed",
        "StepEnded",
    ]
    assert event_writer.complete
    assert event_writer.trouble == ""


def test_an_event_that_is_being_written_is_not_reported(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    event_writer, write, meanwhile = EventWriter(run), os.write, list[str]()

    def spying_write(descriptor: int, line: bytes) -> int:
        meanwhile.append(event_writer.trouble)  # as another thread would read it
        return write(descriptor, line)

    monkeypatch.setattr(os, "write", spying_write)
    event_writer.emit(samples.step_ended(1))
    assert meanwhile == [""]
    assert len(LogFollower(run.events_path).read()) == 1


def test_an_end_event_that_failed_is_written_once_the_disk_has_room(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_writer = EventWriter(run)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "write", lambda *_: fail())
        event_writer.emit(samples.step_ended(1))
        event_writer.emit(RunEnded(time=1.0, reason=EndReason.COMPLETED))
        assert not event_writer.complete
        assert "2 events wait" in event_writer.trouble
    event_writer.emit(samples.step_ended(2))  # dropped, as it comes after the end
    assert event_writer.complete
    assert [type(event).__name__ for event in LogFollower(run.events_path).read()] == ["StepEnded", "RunEnded"]

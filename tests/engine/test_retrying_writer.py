"""Files and events on a disk that fails."""

import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_tui.engine.recording import retrying_writer
from mnist_tui.engine.recording.event_writer import EventWriter
from mnist_tui.engine.recording.retrying_writer import RetryingWriter
from mnist_tui.events import AlertKind, AlertRaised, EndReason, Event, ResumeReason, RunEnded, RunResumed
from mnist_tui.runs import log_copy, replacing
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
    assert writer.error == ""
    assert not writer.write("model.keras", fail, step=3, epoch=1)
    assert not writer.write("model.keras", fail, step=9, epoch=2)
    (alert,) = events
    assert isinstance(alert, AlertRaised)
    assert (alert.kind, alert.step, alert.epoch) == (AlertKind.NOT_SAVED, 3, 1)
    assert "model.keras is not saved (No space left on device)" in alert.text
    assert writer.error == "not saved: model.keras (No space left on device)"
    assert list(writer.unsaved) == ["model.keras"]
    assert writer.write("model.keras", succeed, step=12, epoch=2)
    assert writer.error == ""
    assert not writer.unsaved


class Disk:
    """Disk that may be full, and the writes that it accepted."""

    def __init__(self) -> None:
        self.is_full = True
        self.written: list[str] = []

    def writing(self, name: str) -> Callable[[], None]:
        return lambda: fail() if self.is_full else self.written.append(name)


def test_failed_writes_are_repeated_with_the_next_one(run: RunDirectory) -> None:
    writer, disk = RetryingWriter(run, lambda _: None), Disk()
    for name in ("checkpoint", "predictions/epoch-0001.npz", "predictions/epoch-0002.npz"):
        assert not writer.write(name, disk.writing(name), step=3, epoch=1)
    assert not writer.write("checkpoint", disk.writing("the newer checkpoint"), step=6, epoch=1)
    disk.is_full = False
    assert writer.write("predictions/epoch-0002.npz", disk.writing("the newer second epoch"), step=9, epoch=2)
    assert disk.written == ["predictions/epoch-0001.npz", "the newer checkpoint", "the newer second epoch"]
    assert not writer.unsaved
    assert writer.write("digits/test.npz", succeed, step=9, epoch=2)
    assert len(disk.written) == 3


def test_failed_writes_are_repeated_on_request(run: RunDirectory) -> None:
    writer, disk = RetryingWriter(run, lambda _: None), Disk()
    writer.write_in_background("model.keras", disk.writing("model.keras"), succeed, step=3, epoch=1)
    assert not writer.write("checkpoint", disk.writing("checkpoint"), step=3, epoch=1)
    assert not writer.retry()
    disk.is_full = False
    assert writer.retry()
    assert disk.written == ["model.keras", "checkpoint"]
    assert not writer.unsaved


@pytest.mark.parametrize("number", [errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EROFS, errno.ENOENT])
def test_a_file_whose_place_is_taken_is_not_waited_for(run: RunDirectory, number: int) -> None:
    writer, error = RetryingWriter(run, lambda _: None), OSError(number, os.strerror(number))

    def refuse() -> None:
        raise error

    assert not writer.write("checkpoint", refuse, step=3, epoch=1)
    assert writer.retry()
    assert list(writer.unsaved) == ["checkpoint"]
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not writer.retry()


def test_only_predictions_are_given_up_on_a_disk_that_stays_full(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying_writer, "MAX_WAITING", 2)
    writer, disk = RetryingWriter(run, lambda _: None), Disk()
    names = [f"predictions/epoch-{epoch:04d}.npz" for epoch in range(1, 5)] + ["checkpoint", "model.keras"]
    for name in names:
        writer.write(name, disk.writing(name), step=3, epoch=1)
    disk.is_full = False
    assert writer.retry()
    assert disk.written == [*names[-2:], *names[:2]]
    assert list(writer.unsaved) == names[2:4]


def test_removed_files_are_written_again(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying_writer, "LOOK_SECONDS", 0.0)
    events: list[Event] = []
    writer = RetryingWriter(run, events.append)

    def touching(name: str) -> Callable[[], None]:
        def touch() -> None:
            (run.path / name).parent.mkdir(exist_ok=True)
            (run.path / name).touch()

        return touch

    names = ["config.json", "digits/validation.npz", "predictions/epoch-0001.npz", "predictions/epoch-0002.npz"]
    for name in names:
        assert writer.write(name, touching(name), step=3, epoch=1)
    writer.restore_removed(step=4, epoch=2)
    assert events == []
    for folder in ("digits", "predictions"):
        shutil.rmtree(run.path / folder)
    run.config_path.unlink()
    writer.restore_removed(step=5, epoch=2)
    found = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert found == set(names) - {"predictions/epoch-0001.npz"}
    (alert,) = events
    assert isinstance(alert, AlertRaised)
    assert (alert.kind, alert.step, alert.epoch) == (AlertKind.RESTORED, 5, 2)
    assert all(name in alert.text for name in found)


def test_a_removed_file_that_cannot_be_written_again_is_reported_once(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying_writer, "LOOK_SECONDS", 0.0)
    events: list[Event] = []
    writer, disk = RetryingWriter(run, events.append), Disk()
    disk.is_full = False
    assert writer.write("config.json", disk.writing("config.json"), step=3, epoch=1)
    disk.is_full = True
    for step in (4, 5, 6):
        writer.restore_removed(step=step, epoch=1)
    kinds = [event.kind for event in events if isinstance(event, AlertRaised)]
    assert kinds == [AlertKind.RESTORED, AlertKind.NOT_SAVED]


def test_a_removed_run_directory_is_not_made_again(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying_writer, "LOOK_SECONDS", 0.0)
    writer = RetryingWriter(run, lambda _: None)
    assert writer.write("config.json", run.config_path.touch, step=3, epoch=1)
    shutil.rmtree(run.path)
    writer.restore_removed(step=4, epoch=1)
    assert not run.path.exists()


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
    assert writer.error == "not saved: model.keras (No space left on device)"
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
    assert "has vanished" in writer.error


def test_a_changed_setting_is_on_disk_before_it_is_acknowledged(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(run.events_path.read_bytes()))
    event_writer = EventWriter(run)
    event_writer.emit(samples.step_ended(1))
    assert synced == []
    event_writer.emit(samples.setting_changed("learning_rate", "0.002"))
    assert b"0.002" in synced[-1]


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
    assert event_writer.error == ""


def test_an_event_that_is_being_written_is_not_reported(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    event_writer, write, meanwhile = EventWriter(run), os.write, list[str]()

    def spying_write(descriptor: int, line: bytes) -> int:
        meanwhile.append(event_writer.error)  # as another thread would read it
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
        assert "2 events (No space left on device)" in event_writer.error
    event_writer.emit(samples.step_ended(2))  # dropped, as it comes after the end
    assert event_writer.complete
    assert [type(event).__name__ for event in LogFollower(run.events_path).read()] == ["StepEnded", "RunEnded"]


CHANGES: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "replaced": lambda path: path.with_name("other").replace(path),
    "replaced by a longer one": lambda path: path.with_name("longer").replace(path),
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, path.stat().st_size - 3),
    "overwritten": lambda path: path.write_bytes(path.with_name("longer").read_bytes()),
}


@pytest.mark.parametrize("keeps_copy", [True, False], ids=["", "longer than the copy"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_event_log_is_written_again_with_an_alert(
    run: RunDirectory, change: str, keeps_copy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not keeps_copy:
        if change in ("emptied", "cut", "overwritten"):
            pytest.skip("the events are nowhere")
        monkeypatch.setattr(log_copy, "MAX_BYTES", 0)
    (run.path / "other").touch()
    (run.path / "longer").write_bytes(bytes(10_000))
    first = EventWriter(run)
    first.emit(samples.step_ended(1))
    event_writer = EventWriter(run)  # of an engine that resumes
    event_writer.emit(samples.step_ended(2))
    CHANGES[change](run.events_path)
    for step in (3, 4):
        event_writer.emit(samples.step_ended(step))
    one, two, three, alert, four = LogFollower(run.events_path).read()
    assert [one, two, three, four] == [samples.step_ended(step) for step in range(1, 5)]
    assert isinstance(alert, AlertRaised)
    assert (alert.kind, alert.step) == (AlertKind.RESTORED, 3)
    assert "events.jsonl was removed or changed" in alert.text
    assert [path.name for path in run.path.glob(".*")] == []


def test_lines_that_others_append_stay(run: RunDirectory) -> None:
    event_writer = EventWriter(run)
    event_writer.emit(samples.step_ended(1))
    with run.events_path.open("ab") as file:
        file.write(b"a note\n")
    event_writer.emit(samples.step_ended(2))
    lines = run.events_path.read_bytes().splitlines()
    assert lines[1] == b"a note"
    assert len(lines) == 3


def test_an_event_log_is_written_again_once_the_disk_has_room(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_writer = EventWriter(run)
    event_writer.emit(samples.step_ended(1))
    run.events_path.unlink()
    with monkeypatch.context() as full_disk:
        full_disk.setattr(replacing, "replaceable", lambda _: fail())
        event_writer.emit(samples.step_ended(2))
        assert "No space left" in event_writer.error
    assert event_writer.retry()
    events = LogFollower(run.events_path).read()
    assert events == [samples.step_ended(1), samples.step_ended(2)]


@pytest.mark.parametrize(
    "obstruct", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["folder", "pipe", "device"]
)
def test_what_takes_the_place_of_the_event_log_is_renamed(run: RunDirectory, obstruct: Callable[[Path], None]) -> None:
    event_writer = EventWriter(run)
    event_writer.emit(samples.step_ended(1))
    run.events_path.unlink()
    obstruct(run.events_path)
    event_writer.emit(samples.step_ended(2))
    assert LogFollower(run.events_path).read()[:2] == [samples.step_ended(1), samples.step_ended(2)]
    (renamed,) = run.path.glob("events.jsonl.*")
    assert not renamed.is_file()


def test_events_follow_a_run_directory_that_is_moved(run: RunDirectory) -> None:
    event_writer = EventWriter(run)
    event_writer.emit(samples.step_ended(1))
    moved = RunDirectory(run.path.rename(run.path.with_name("moved")))
    event_writer.emit(samples.step_ended(2))
    assert LogFollower(moved.events_path).read() == [samples.step_ended(1), samples.step_ended(2)]
    assert event_writer.error == ""

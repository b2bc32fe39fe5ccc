"""Run directories are created atomically, found by name, and known to be live or not."""

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import platformdirs
import pytest

from mnist_tui.config import ConfigError
from mnist_tui.runs import directory, lock
from mnist_tui.runs.directory import (
    RunDirectory,
    RunError,
    create_run,
    find_run,
    list_runs,
    remove_run,
)
from mnist_tui.runs.liveness import Endpoint, write_endpoint
from tests.kit import samples

HOLD_LOCK = """
import sys
from pathlib import Path
from mnist_tui.runs.directory import RunDirectory
lock = RunDirectory(Path(sys.argv[1])).lock.acquire()
print("locked", flush=True)
sys.stdin.read()
"""


def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give run directories a clock that does not move."""
    clock = SimpleNamespace(time=lambda: samples.CREATED, strftime=time.strftime, localtime=time.localtime)
    monkeypatch.setattr(directory, "time", clock)


def refusal_of(wanted: str) -> str:
    with pytest.raises(RunError) as caught:
        find_run(wanted)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_new_run_has_its_record_and_an_empty_log() -> None:
    run = create_run(samples.config(epochs=7, name="mine"))
    record = run.record()
    assert (record.id, record.name, record.config) == (run.id, "mine", samples.config(epochs=7, name="mine"))
    assert record.versions["mnist-tui"]
    assert run.events_path.read_bytes() == b""
    assert run.path.stat().st_mode & 0o077 == 0


def test_a_run_without_a_name_gets_a_free_one() -> None:
    names = [create_run(samples.config()).record().name for _ in range(20)]
    assert all(names)
    assert len(set(names)) == 20


def test_a_damaged_run_takes_no_name() -> None:
    create_run(samples.config()).config_path.write_bytes(b"{")
    assert create_run(samples.config()).record().name


def test_two_runs_of_one_name_are_refused() -> None:
    first = create_run(samples.config(name="mine"))
    with pytest.raises(RunError, match="a run named 'mine' exists already: choose another --name"):
        create_run(samples.config(name="mine"))
    assert [run.id for run in list_runs()] == [first.id]


def test_runs_of_the_same_second_get_ordered_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    one_second(monkeypatch)
    created = [create_run(samples.config()).id for _ in range(12)]
    assert len(set(created)) == 12
    assert [run.id for run in list_runs()] == created[::-1]
    assert find_run("last").id == created[-1]
    assert find_run(created[0]).id == created[0]


def test_a_home_that_cannot_be_created_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MNIST_TUI_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(RunError, match="set MNIST_TUI_HOME to"):
        create_run(samples.config())
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    with pytest.raises(RunError, match="set MNIST_TUI_HOME to"):
        list_runs()


def test_a_full_disk_leaves_no_run_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunDirectory, "write_record", fail)
    with pytest.raises(RunError, match="No space left on device"):
        create_run(samples.config())
    assert list(home.iterdir()) == []


def test_a_removed_run_is_gone() -> None:
    run = create_run(samples.config())
    remove_run(run)
    assert not run.path.exists()
    assert list_runs() == []


def test_folders_without_a_record_are_not_runs(home: Path) -> None:
    run = create_run(samples.config())
    (home / "99999999-notes").mkdir()
    (home / "99999999-file").write_text("")
    assert [found.id for found in list_runs()] == [run.id]


def test_a_run_is_found_by_id_prefix_name_and_last(home: Path) -> None:
    older, newer = create_run(samples.config(name="first")), create_run(samples.config(name="second"))
    older.path.rename(home / "20240101-000000")
    newer.path.rename(home / "20240202-000000")
    assert find_run("20240101-000000").id == "20240101-000000"
    assert find_run("202401").id == "20240101-000000"
    assert find_run("second").id == "20240202-000000"
    assert find_run("last").id == "20240202-000000"


def test_a_name_wins_over_a_prefix(home: Path) -> None:
    named, other = create_run(samples.config(name="2024")), create_run(samples.config())
    named.path.rename(home / "20230101-000000")
    other.path.rename(home / "20240101-000000")
    assert find_run("2024").id == "20230101-000000"


def test_a_prefix_of_two_runs_is_refused_with_their_ids(home: Path) -> None:
    for month in ("01", "02"):
        create_run(samples.config()).path.rename(home / f"2024{month}01-000000")
    message = refusal_of("2024")
    assert "'2024' matches 2 runs (20240201-000000, 20240101-000000): give more of the id" in message


def test_an_unknown_run_is_an_error_with_the_home(home: Path) -> None:
    assert f"there are no runs in {home} yet" in refusal_of("last")
    create_run(samples.config())
    for wanted in ("nothing", "", "../home", "config.json"):
        assert f"no run {wanted!r} in {home}: `mnist-tui runs` lists them" in refusal_of(wanted)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"id":"x"}', b"\xff\xfe", b'{"id":"\xff"}', b"[]"])
def test_a_damaged_record_is_an_error_with_its_path(damage: bytes) -> None:
    run = create_run(samples.config())
    run.config_path.write_bytes(damage)
    with pytest.raises(RunError, match=r"config\.json cannot be read"):
        run.record()
    assert refusal_of("nothing")  # and the run does not keep others from being looked for


def test_a_folder_that_is_not_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"config\.json"):
        RunDirectory(tmp_path).record()


def test_a_new_run_is_not_locked() -> None:
    run = create_run(samples.config())
    assert not run.is_live()
    assert run.endpoint() is None


def test_the_lock_ends_with_the_process_that_holds_it() -> None:
    run = create_run(samples.config())
    command = [sys.executable, "-c", HOLD_LOCK, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == "locked\n"
        assert run.is_live()
        with pytest.raises(RunError, match="already has a live engine: attach to it, or stop it first"):
            run.lock.acquire()
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        assert not run.is_live()
    os.close(run.lock.acquire())


def test_a_child_keeps_the_lock_after_the_parent_closes_it() -> None:
    run = create_run(samples.config())
    lock = run.lock.acquire()
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(lock,)) as child:
        os.close(lock)
        assert run.is_live()
        child.communicate(b"")
        assert not run.is_live()


def test_is_live_does_not_prevent_an_engine_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run(samples.config())
    run.lock.path.touch()
    asker = os.open(run.lock.path, os.O_RDWR)
    fcntl.flock(asker, fcntl.LOCK_SH)
    monkeypatch.setattr(
        lock, "time", SimpleNamespace(sleep=lambda _: os.close(asker))
    )  # while it waits, the asker goes
    os.close(run.lock.acquire())


def test_the_endpoint_is_what_the_live_engine_wrote() -> None:
    run = create_run(samples.config())
    lock = run.lock.acquire()
    assert run.endpoint() is None  # live, but it has not said anything yet
    write_endpoint(lock, Endpoint(4711, "/tmp/x"))
    assert run.endpoint() == Endpoint(4711, "/tmp/x")
    os.close(lock)
    assert run.endpoint() is None  # what a dead engine wrote does not count
    lock = run.lock.acquire()
    assert run.endpoint() is None  # nor does it count for the next one
    os.close(lock)


def test_arrays_read_back_as_they_were_saved() -> None:
    run = create_run(samples.config())
    path = run.predictions_path(3)
    labels, probabilities = np.arange(5, dtype=np.uint8), np.eye(5, dtype=np.float16)
    run.save_arrays(path, labels=labels, probabilities=probabilities)
    arrays = run.load_arrays(path)
    assert path.name == "epoch-0003.npz"
    assert {key: array.dtype for key, array in arrays.items()} == {"labels": np.uint8, "probabilities": np.float16}
    np.testing.assert_array_equal(arrays["labels"], labels)
    np.testing.assert_array_equal(arrays["probabilities"], probabilities)


def test_missing_or_damaged_arrays_are_an_error_with_the_path() -> None:
    run = create_run(samples.config())
    path = run.predictions_path("test")
    with pytest.raises(RunError, match=r"test\.npz is missing"):
        run.load_arrays(path)
    run.save_arrays(path, labels=np.arange(1_000) % 251)
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position])
        with pytest.raises(RunError, match=r"test\.npz cannot be read"):
            run.load_arrays(path)
    for position in range(0, len(whole), 3):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        with contextlib.suppress(RunError):  # some bytes do not matter
            run.load_arrays(path)


def test_a_reader_never_sees_half_a_file() -> None:
    run = create_run(samples.config())
    path = run.predictions_path(1)
    versions = 40

    def save(version: int) -> None:
        run.save_arrays(path, first=np.full(20_000, version), second=np.full(20_000, version))

    def write() -> None:
        for version in range(1, versions):
            save(version)

    save(0)
    writer = threading.Thread(target=write)
    writer.start()
    seen: list[int] = []
    while writer.is_alive() or not seen:
        arrays = run.load_arrays(path)
        assert np.all(arrays["first"] == arrays["second"])
        assert np.all(arrays["first"] == arrays["first"][0])
        seen.append(int(arrays["first"][0]))
    writer.join()
    assert seen == sorted(seen)
    assert int(run.load_arrays(path)["first"][0]) == versions - 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_config_with_an_old_key_is_read() -> None:
    run = create_run(samples.config(jit_compile="off"))
    run.config_path.write_text(run.config_path.read_text().replace('"jit_compile"', '"jit"'))
    assert run.record().config.jit_compile == "off"


def created_at(run: RunDirectory, created: float) -> RunDirectory:
    """Change when a run was created."""
    run.write_record(msgspec.structs.replace(run.record(), created=created, order=None))
    return run


def test_the_newest_run_is_the_one_created_last_whatever_its_folder_is_called(home: Path) -> None:
    runs = [created_at(create_run(samples.config()), samples.CREATED + hour * 3_600) for hour in range(3)]
    for run, name in zip(runs, ("20240101-030000", "20240101-020000", "20240101-010000"), strict=True):
        run.path.rename(home / name)
    assert [run.id for run in list_runs()] == ["20240101-010000", "20240101-020000", "20240101-030000"]
    assert find_run("last").id == "20240101-010000"


@pytest.mark.parametrize("back", [0, 1, 3_600, 1e6])
def test_a_run_created_after_the_clock_was_set_back_is_the_newest(back: float) -> None:
    earlier = created_at(create_run(samples.config(name="earlier")), time.time() + back)
    later = create_run(samples.config(name="later"))
    latest = create_run(samples.config(name="latest"))
    assert [run.record().name for run in list_runs()] == ["latest", "later", "earlier"]
    assert later.record().created < earlier.record().created + 1
    assert find_run("last").path == latest.path


def test_a_run_that_cannot_be_read_goes_by_the_time_of_its_file() -> None:
    older, bad, newer = (created_at(create_run(samples.config()), samples.CREATED + day) for day in (0, 0, 2))
    bad.config_path.write_bytes(b"{")
    os.utime(bad.config_path, (samples.CREATED + 1, samples.CREATED + 1))
    assert [run.path for run in list_runs()] == [newer.path, bad.path, older.path]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("created", b"1e300"),
        ("created", b"-1"),
        ("epochs", 5_000 * b"9"),
        ("epochs", b"-3"),
        ("batch_size", b"0"),
        ("learning_rate", b"1e300"),
        ("ensemble", b'"best*2,fast"'),
        ("name", 100_000 * b"["),
        ("name", b'"' + (1 << 20) * b"x" + b'"'),
    ],
)
def test_a_record_with_an_impossible_value_is_refused_in_a_short_sentence(field: str, value: bytes) -> None:
    run = create_run(samples.config(name="bad-one"))
    fields = msgspec.json.decode(run.config_path.read_bytes())
    (fields if field in fields and field != "name" else fields["config"])[field] = "HERE"
    run.config_path.write_bytes(msgspec.json.encode(fields).replace(b'"HERE"', value))
    with pytest.raises(RunError, match=r"config\.json cannot be read") as caught:
        run.record()
    assert len(str(caught.value)) < 400
    assert find_run("last").path == run.path


def test_texts_of_a_record_are_sanitised_and_the_id_is_the_folders(home: Path) -> None:
    run = create_run(samples.config(data="/tmp/a\u2009b.npz"))
    evil = "\x1b]0;owned\x07[/red]"
    run.write_record(msgspec.structs.replace(run.record(), id=evil, name=evil, versions={evil: evil}))
    copy = RunDirectory(run.path.rename(home / "copy\x1b"))
    record = copy.record()
    assert (record.id, copy.id, record.name) == ("copy?", "copy?", "?]0;owned?[/red]")
    assert all(text.isprintable() for text in (*record.versions, *record.versions.values()))
    assert record.config.data == "/tmp/a\u2009b.npz"
    assert find_run("copy?").path == copy.path


def test_a_home_that_is_no_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MNIST_TUI_HOME", str(tmp_path / "file"))
    with pytest.raises(RunError, match="Not a directory"):
        list_runs()


def test_without_a_home_folder_the_variable_to_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNIST_TUI_HOME")
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda _: "~nosuchuser/x")
    with pytest.raises(ConfigError, match="MNIST_TUI_HOME"):
        directory.home()


def test_the_engines_log_is_appended_to_but_a_pipe_is_not_waited_for() -> None:
    run = create_run(samples.config())
    for _ in range(2):
        with run.open_log() as log:
            log.write(b"line\n")
    assert run.log_path.read_bytes() == b"line\nline\n"
    run.log_path.unlink()
    os.mkfifo(run.log_path)
    with pytest.raises(OSError):  # noqa: PT011
        run.open_log()

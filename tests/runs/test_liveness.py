"""Live engines here and on other machines, known by lock, heartbeat and process; one engine a run."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mnist_tui.runs import liveness
from mnist_tui.runs.directory import RunDirectory, RunError, create_run
from mnist_tui.runs.liveness import (
    LOST_SECONDS,
    SILENT_SECONDS,
    STOPPED_SECONDS,
    Endpoint,
    LiveEngine,
    clock,
    write_endpoint,
)
from mnist_tui.runs.status import Status, in_words
from mnist_tui.runs.summary import summarize
from tests.kit import samples

STALE = 2 * LOST_SECONDS
HERE = Endpoint(4711, "/tmp/x", liveness.host(), liveness.this_machine())
ELSEWHERE = Endpoint(4711, "/tmp/x", "node7", "another boot")


@pytest.fixture
def run() -> RunDirectory:
    return create_run(samples.config())


@contextmanager
def locked(run: RunDirectory, endpoint: Endpoint | None, age: float = 0.0) -> Iterator[int]:
    """Hold the run's lock, with a heartbeat `age` seconds ago."""
    lock = run.lock.acquire()
    write_endpoint(lock, endpoint)
    os.utime(lock, (time.time() - age,) * 2)
    try:
        yield lock
    finally:
        os.close(lock)


def leave_lock(run: RunDirectory, endpoint: Endpoint | None, age: float = 0.0) -> None:
    """Leave a lock file whose lock is free as far as this machine knows."""
    with locked(run, endpoint, age):
        pass


@contextmanager
def engine_process(run: RunDirectory) -> Iterator[Endpoint]:
    """Start a process that looks like the run's engine."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", "mnist_tui.engine", str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not psutil.Process(process.pid).cmdline():  # empty for a short time while it starts
            assert time.monotonic() < deadline, "the process does not start"
        yield Endpoint(process.pid, None, HERE.host, HERE.machine)
        process.communicate(b"")


def without_locks(monkeypatch: pytest.MonkeyPatch, number: int | None) -> None:
    """Let every lock succeed without an effect, or fail with an error number."""

    def flock(*_: int) -> None:
        if number is not None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_the_lock_is_never_a_standard_stream(run: RunDirectory, closed: str) -> None:
    code = """if True:
        import subprocess, sys
        from pathlib import Path
        from mnist_tui.runs.directory import RunDirectory
        run = RunDirectory(Path(sys.argv[1]))
        lock = run.lock.acquire()
        subprocess.run(["true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sys.exit(0 if lock > 2 and run.is_live() else 1)"""
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", code, str(run.path)]
    assert subprocess.run(shell, check=False).returncode == 0


@pytest.mark.parametrize("age", [0.0, STALE])
@pytest.mark.parametrize("endpoint", [None, HERE, ELSEWHERE])
def test_a_held_lock_is_a_live_engine(run: RunDirectory, endpoint: Endpoint | None, age: float) -> None:
    with locked(run, endpoint, age):
        engine = run.engine()
        assert engine is not None
        assert engine.is_elsewhere is (endpoint is ELSEWHERE)
        assert engine.responds is (age == 0.0 or endpoint is None)


@pytest.mark.parametrize(
    ("endpoint", "age", "is_live"),
    [
        (None, 0.0, False),
        (HERE, 0.0, False),
        (Endpoint(4711), 0.0, False),
        (ELSEWHERE, 0.0, True),
        (ELSEWHERE, LOST_SECONDS / 2, True),
        (ELSEWHERE, STALE, False),
        (Endpoint(0, None, "node7", "another boot"), 0.0, True),
    ],
)
def test_without_a_held_lock_only_an_engine_elsewhere_can_live(
    run: RunDirectory, endpoint: Endpoint | None, age: float, is_live: bool
) -> None:
    leave_lock(run, endpoint, age)
    assert run.is_live() is is_live


@pytest.mark.parametrize("number", [None, errno.ENOLCK, errno.EOPNOTSUPP])
def test_an_engine_of_this_machine_is_known_by_its_process_where_locks_fail(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, number: int | None
) -> None:
    with engine_process(run) as endpoint:
        leave_lock(run, endpoint)
        without_locks(monkeypatch, number)
        assert run.is_live()
        with pytest.raises(RunError, match="already has a live engine"):
            run.lock.acquire()
    assert not run.is_live()


def test_a_copy_of_a_live_run_is_not_live(run: RunDirectory, tmp_path: Path) -> None:
    with engine_process(run) as endpoint, locked(run, endpoint):
        copy = RunDirectory(tmp_path / "other home" / run.id)
        shutil.copytree(run.path, copy.path)
        assert run.is_live()
        assert not copy.is_live()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_disk_without_locks_is_an_error_with_the_fix(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    without_locks(monkeypatch, number)
    with pytest.raises(RunError, match="no file locks") as caught:
        run.lock.acquire()
    assert all(part in str(caught.value) for part in (str(run.path), os.strerror(number), "MNIST_TUI_HOME"))
    assert not run.is_live()


@pytest.mark.parametrize("hold", [locked, None], ids=["seen lock", "local lock"])
def test_a_run_on_another_machine_is_resumed_only_by_taking_over(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, hold: Callable[..., object] | None
) -> None:
    with locked(run, ELSEWHERE) as theirs:
        if hold is None:
            without_locks(monkeypatch, None)
        with pytest.raises(RunError, match="live on host node7") as caught:
            run.lock.acquire()
        assert "--take-over" in str(caught.value)
        run.lock.take_over()
        ours = run.lock.acquire()
        write_endpoint(ours, HERE)
        monkeypatch.setattr(liveness, "this_machine", lambda: ELSEWHERE.machine)
        assert not run.lock.renew(theirs, ELSEWHERE)
        monkeypatch.undo()
        assert run.lock.renew(ours, HERE)
        os.close(ours)


def test_taking_over_leaves_an_engine_of_this_machine_alone(run: RunDirectory) -> None:
    with locked(run, HERE) as lock:
        run.lock.take_over()
        assert run.lock.renew(lock, HERE)
        with pytest.raises(RunError, match="already has a live engine"):
            run.lock.acquire()


def test_a_removed_or_damaged_lock_file_is_made_again(run: RunDirectory) -> None:
    with locked(run, HERE) as lock:
        for damage in (
            run.lock.path.unlink,
            lambda: run.lock.path.write_bytes(b"\xff{"),
            lambda: os.utime(lock, (0, 0)),
        ):
            damage()
            assert run.lock.renew(lock, HERE)
            assert run.engine() == LiveEngine(HERE, None)
    assert not run.is_live()


def test_a_run_whose_lock_file_was_removed_is_not_resumed_before_its_engine_makes_it_again(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(run, HERE) as lock:
        run.events_path.write_bytes(b"{}\n")
        run.lock.path.unlink()
        monkeypatch.setattr(time, "sleep", lambda _: run.lock.renew(lock, HERE))
        with pytest.raises(RunError, match="already has a live engine"):
            run.lock.acquire()


def test_a_run_without_a_lock_file_and_an_engine_is_resumed_soon(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.events_path.write_bytes(b"{}\n")
    monkeypatch.setattr(time, "sleep", lambda seconds: os.utime(run.events_path, (0, 0)) if seconds > 0.1 else None)
    os.close(run.lock.acquire())


def test_an_engine_notices_that_another_one_holds_the_lock(run: RunDirectory) -> None:
    with locked(run, HERE) as lock:
        run.lock.path.unlink()
        other = run.lock.acquire()
        assert not run.lock.renew(lock, HERE)
        os.close(other)


def test_an_engine_notices_that_one_on_another_machine_wrote_its_lock_file(run: RunDirectory) -> None:
    with locked(run, HERE) as lock:
        write_endpoint(lock, ELSEWHERE)  # its lock is not seen here
        assert not run.lock.renew(lock, HERE)


@pytest.mark.parametrize("offset", [-3 * SILENT_SECONDS, 3 * SILENT_SECONDS])
def test_the_clock_of_the_disk_counts(run: RunDirectory, monkeypatch: pytest.MonkeyPatch, offset: float) -> None:
    now = time.time
    with locked(run, HERE):
        monkeypatch.setattr(time, "time", lambda: now() + offset)
        engine = run.engine()
    assert engine is not None
    assert engine.responds


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_stopped_process_is_known_sooner_than_a_slow_one(run: RunDirectory, is_stopped: bool) -> None:
    with engine_process(run) as endpoint, locked(run, endpoint, (STOPPED_SECONDS + SILENT_SECONDS) / 2):
        if is_stopped:
            os.kill(endpoint.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, endpoint.pid, os.WSTOPPED)
        engine = run.engine()
        os.kill(endpoint.pid, signal.SIGCONT)
    assert engine is not None
    assert engine.responds is not is_stopped


def test_an_engine_on_a_read_only_disk_responds(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with locked(run, HERE, STALE):
        engine = run.engine()
    assert engine is not None
    assert engine.responds


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_only_a_regular_file_is_a_lock(run: RunDirectory, make: Callable[[Path], object]) -> None:
    make(run.lock.path)
    assert not run.is_live()
    with pytest.raises(RunError, match="lock is not a regular file: remove it"):
        run.lock.acquire()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"pid":-1}', b'{"pid":' + b"9" * 99 + b"}", b'{"pid":"\xff"}'])
def test_a_damaged_lock_file_is_not_live(run: RunDirectory, content: bytes) -> None:
    run.lock.path.write_bytes(content)
    assert not run.is_live()


def test_a_summary_says_since_when_and_where(run: RunDirectory) -> None:
    with locked(run, ELSEWHERE, STALE):
        summary = summarize(run)
    since = run.lock.path.stat().st_mtime
    assert summary.status is Status.UNRESPONSIVE
    assert summary.status_in_words == f"not responding since {clock(since)} on node7"
    assert (summary.as_json()["host"], summary.as_json()["silent_since"]) == ("node7", since)


def test_a_live_engine_of_this_machine_needs_no_words() -> None:
    assert in_words(Status.TRAINING, LiveEngine(HERE, None)) == "training"
    assert in_words(Status.FINISHED, None) == "finished"


def test_a_container_on_this_machine_is_named_as_one(run: RunDirectory) -> None:
    container = Endpoint(7, None, liveness.host(), "another container")
    words = f"live on host {liveness.host()}, in another container or before its restart: use mnist-tui there"
    with locked(run, container), pytest.raises(RunError, match=words):
        run.lock.acquire()


def test_a_stopped_engine_is_refused_with_both_ways_on(run: RunDirectory) -> None:
    with locked(run, HERE, STALE), pytest.raises(RunError, match="has not responded since") as caught:
        run.lock.acquire()
    assert all(f"`kill {option} {HERE.pid}`" in str(caught.value) for option in ("-CONT", "-9"))


def test_a_time_of_another_day_has_its_date() -> None:
    assert len(clock(time.time())) == len("14:05:09")
    assert clock(samples.CREATED).startswith("2023-11-1")

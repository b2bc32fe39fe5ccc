"""Starts engines and talks to live ones. The only way back from the screens to the training."""

import getpass
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import msgspec

from mnist_tui.cluster import Cluster
from mnist_tui.config import RunConfig
from mnist_tui.control.protocol import AnyRequest, Attach, JobReport, Ping, Reply
from mnist_tui.runs.directory import RunDirectory, RunError, create_run, remove_run

ANSWER_SECONDS = 10.0
HEARTBEAT_SECONDS = 1.0


def who(door: str) -> str:
    """Who asks, for `Request.by`: the user and the terminal, as in "ada, screen on pts/3"."""
    try:
        terminal = f" on {os.ttyname(0).removeprefix('/dev/')}"
    except OSError:
        terminal = ""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        user = f"user {os.getuid()}"
    return f"{user}, {door}{terminal}"


def start(config: RunConfig, cluster: Cluster | None = None) -> RunDirectory:
    """Make a run directory and start an engine on it; raises RunError, and then nothing is left behind."""
    run = create_run(config)
    try:
        _start_engine(run, *_company(cluster))
    except RunError:
        remove_run(run)
        raise
    return run


def resume(run: RunDirectory, by: str, epochs: int | None = None, cluster: Cluster | None = None) -> None:
    """Start an engine that goes on from the run's newest checkpoint; raises RunError when one is live already.

    `epochs` in all take the place of those planned.
    """
    wanted = ["--epochs", str(epochs)] if epochs is not None else []
    _start_engine(run, "--resume", by, *wanted, *_company(cluster))


def wake(run: RunDirectory) -> None:
    """Start an engine on a run that is over, to be questioned or to train on; raises RunError.

    It ends by itself when no screen attaches, or the last one has left.
    """
    _start_engine(run, "--wake")


def _company(cluster: Cluster | None) -> list[str]:
    """Arguments of an engine that trains with other processes."""
    return [] if cluster is None else ["--coordinator", cluster.address, "--processes", str(cluster.processes)]


def _start_engine(run: RunDirectory, *arguments: str) -> None:
    """Take the lock and start an engine with it; raises RunError."""
    try:
        lock = run.acquire_lock()
    except OSError as error:
        raise RunError(f"run {run.id} cannot be written ({error.strerror}): make its folder writable") from None
    try:
        _spawn(run, lock, *arguments)
    except OSError as error:
        raise RunError(f"the engine cannot be started ({error.strerror}): free some memory or disk") from None


def _spawn(run: RunDirectory, lock: int, *arguments: str) -> None:
    """Start an engine in a session of its own, so that no terminal can take it along. Raises OSError.

    The lock is handed to it: from its first moment the run is known to be alive.
    """
    try:
        with run.log_path.open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-P", "-m", "mnist_tui.engine", str(run.path), "--lock", str(lock), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
    finally:
        os.close(lock)


def do_job(run: RunDirectory, name: str, argument: str = "") -> Iterator[JobReport]:
    """Do a job on a run in a process of its own, and say how far it is; raises RunError when it fails.

    Whoever stops listening ends the job.
    """
    command = [sys.executable, "-P", "-m", "mnist_tui.engine.jobs", name, str(run.path), argument]
    try:
        with run.log_path.open("ab") as log:
            job = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
    except OSError as error:
        raise RunError(f"{name} cannot be started ({error.strerror}): free some memory and try again") from None
    assert job.stdout is not None
    try:
        for line in job.stdout:
            report = msgspec.json.decode(line, type=JobReport)
            if report.error:
                raise RunError(report.error)
            yield report
        if job.wait() != 0:
            raise RunError(f"{name} ended without a result: the reason is in {run.log_path}")
    finally:
        job.stdout.close()
        if job.poll() is None:
            job.terminate()
            job.wait()


def ask(run: RunDirectory, request: AnyRequest, patience: float = ANSWER_SECONDS) -> Reply:
    """Send a request to the run's engine and wait for its answer, for at most `patience` seconds.

    Raises RunError when there is none or it refuses.
    """
    endpoint = run.endpoint()
    if endpoint is None or endpoint.socket is None:
        raise RunError(f"run {run.id} has no live engine that listens: `mnist-tui show {run.id}` says how it ended")
    try:
        with _connect(endpoint.socket) as connection:
            connection.settimeout(patience)
            answer = _exchange(connection, request)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(
            f"the engine of run {run.id} (process {endpoint.pid}) does not answer: {error}; "
            f"what it said last is in {run.log_path}"
        ) from None
    if not answer.ok:
        raise RunError(f"the engine of run {run.id} refused: {answer.error}")
    return answer


class Attachment:
    """Tells a run's engine that a screen watches, for as long as it is not closed; finds the engine again.

    A thread of its own, so that no screen waits for an engine. `alive` says that the engine answers, which it may even
    when its run directory is gone; `trouble` is its sentence about what cannot be saved.
    """

    def __init__(self, run: RunDirectory, by: str) -> None:
        self._run = run
        self._by = by
        self._closed = threading.Event()
        self.alive = False
        self.trouble = ""
        threading.Thread(target=self._watch, name="attachment", daemon=True).start()

    def close(self) -> None:
        """Stop watching; returns at once."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.is_set():
            endpoint = self._run.endpoint()
            if endpoint is not None and endpoint.socket is not None:
                try:
                    with _connect(endpoint.socket) as connection:
                        self._beat(connection)
                except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                    pass  # it has ended, or is about to
                self.alive = False
            self._closed.wait(HEARTBEAT_SECONDS)

    def _beat(self, connection: socket.socket) -> None:
        answer = _exchange(connection, Attach(by=self._by))
        while answer.ok:
            self.alive, self.trouble = True, answer.trouble
            if self._closed.wait(HEARTBEAT_SECONDS):
                return
            answer = _exchange(connection, Ping())


def _connect(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _exchange(connection: socket.socket, request: AnyRequest) -> Reply:
    connection.sendall(msgspec.json.encode(request) + b"\n")
    with connection.makefile("rb") as lines:
        line = lines.readline()
    if not line:
        raise ConnectionError("it hung up")
    return msgspec.json.decode(line, type=Reply)

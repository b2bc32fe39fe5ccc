"""Start engines and send requests to live ones."""

import getpass
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import msgspec

from mnist_tui.cluster import Cluster
from mnist_tui.config import RunConfig
from mnist_tui.control import spawning
from mnist_tui.control.jobs import JobReport, job_reports
from mnist_tui.control.protocol import Attach, Ping, Reply, Request
from mnist_tui.control.warm import spare
from mnist_tui.runs.directory import RunDirectory, RunError, create_run, remove_run
from mnist_tui.runs.liveness import LiveEngine
from mnist_tui.runs.model_source import Source, keep_source
from mnist_tui.runs.queue_entry import Entry

REPLY_SECONDS = 10.0
START_SECONDS = 30.0
"""Time that an engine may take from its start until it listens."""
POLL_SECONDS = 0.05
HEARTBEAT_SECONDS = 1.0
EARLY_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals that wait until a starting engine can handle them: a stop in its first second would be a crash."""
MAX_USER_LENGTH = 32


def origin(interface: str) -> str:
    """Return the origin of a request: the user, the interface and the terminal, as in "ada, screen on pts/3".

    The user's name may come from the environment, so anything can be in it.
    """
    try:
        terminal = f" on {os.ttyname(0).removeprefix('/dev/')}"
    except OSError:
        terminal = ""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in a container
        user = f"uid {os.getuid()}"
    readable = "".join(each if each.isprintable() else "?" for each in user[:MAX_USER_LENGTH])
    return f"{readable}, {interface}{terminal}"


def start(
    config: RunConfig,
    cluster: Cluster | None = None,
    source: Source | None = None,
    reviews: bytes | None = None,
    entry: Entry | None = None,
) -> RunDirectory:
    """Create a run directory, with the source of an own model and the label reviews to apply, and start its engine.

    `entry` is the queue's entry that the run is started for.

    Raises:
        RunError: The engine cannot be started. The run directory is removed again.
    """
    run = create_run(config) if entry is None else create_run(config, queued=entry.key, tags=entry.tags)
    try:
        if source is not None:
            keep_source(run, source)
        if reviews is not None:
            _keep_reviews(run, reviews)
        _start_engine(run, *_cluster_arguments(cluster))
    except RunError:
        remove_run(run)
        raise
    return run


def _keep_reviews(run: RunDirectory, reviews: bytes) -> None:
    try:
        run.applied_reviews_path.write_bytes(reviews)
    except OSError as error:
        raise RunError(f"{run.applied_reviews_path} cannot be written ({error.strerror}): free some space") from None


def resume(
    run: RunDirectory,
    by: str,
    epochs: int | None = None,
    cluster: Cluster | None = None,
    *,
    accept_changed_data: bool = False,
    on_end: str | None = None,
) -> None:
    """Start an engine that continues from the run's newest checkpoint.

    Args:
        run: The run.
        by: The origin of the request.
        epochs: Epochs in total, instead of those planned.
        cluster: The processes that share the training, if there are several.
        accept_changed_data: Train on even if the data have changed since the run was started.
        on_end: Command to run at its end, instead of the one set before.

    Raises:
        RunError: The run already has a live engine, or the engine cannot be started.
    """
    options = ["--epochs", str(epochs)] if epochs is not None else []
    if accept_changed_data:
        options.append("--accept-changed-data")
    if on_end is not None:
        options.append(f"--on-end={on_end}")
    _start_engine(run, f"--resume={by}", *options, *_cluster_arguments(cluster))


def load_model(run: RunDirectory) -> subprocess.Popen[bytes]:
    """Start an engine that loads the model of an ended run to explain digits; raises RunError.

    It can also train on. It exits when the last viewer detaches, if none attaches, or after minutes without a request.
    """
    return _start_engine(run, "--explain-only")


def _cluster_arguments(cluster: Cluster | None) -> list[str]:
    return [] if cluster is None else ["--coordinator", cluster.address, "--processes", str(cluster.world_size)]


def _start_engine(run: RunDirectory, *arguments: str) -> subprocess.Popen[bytes]:
    run.record().check_is_own()
    try:
        lock = run.lock.acquire()
    except OSError as error:
        raise RunError(f"run {run.id} cannot be written ({error.strerror}): make its folder writable") from None
    try:
        return _spawn(run, lock, *arguments)
    except OSError as error:
        raise RunError(f"the engine cannot be started ({error.strerror}): free some memory or disk") from None


def _spawn(run: RunDirectory, lock: int, *arguments: str) -> subprocess.Popen[bytes]:
    # The engine inherits the lock, so that the run is live at once. It gets a session of its own,
    # so that it survives the terminal.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, EARLY_SIGNALS)
    try:
        with run.open_log() as log:
            warm = spare.begin(run.record().config, (str(run.path), *arguments), log, lock)
            if warm is not None:
                return warm
            command = ("mnist_tui.engine", str(run.path), "--lock", str(lock), *arguments)
            return spawning.spawn(*command, stdout=log, stderr=log, own_session=True, descriptors=(lock,))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(lock)


def do_job(run: RunDirectory, name: str, argument: str = "") -> Iterator[JobReport]:
    """Run a job in a process of its own and yield its progress; raises RunError if it fails.

    Closing the iterator terminates the job.
    """
    run.record().check_is_own()
    try:
        log = run.open_log()
    except OSError as error:
        raise RunError(f"{name} cannot be started ({error.strerror}): free some space and try again") from None
    with log:
        yield from job_reports(name, ("mnist_tui.engine.jobs", name, str(run.path), argument), log, str(run.log_path))


def send(
    run: RunDirectory, request: Request, timeout: float = REPLY_SECONDS, start_timeout: float = START_SECONDS
) -> Reply:
    """Send a request to the run's engine and return its reply.

    Args:
        run: The run.
        request: The request.
        timeout: Seconds within which the reply must come.
        start_timeout: Seconds that a starting engine may take until it listens.

    Raises:
        RunError: The run has no live engine, the engine does not reply, or it rejects the request.
    """
    engine = _listening_engine(run, start_timeout)
    endpoint = engine.endpoint
    name = f"the engine of run {run.id} (process {endpoint.pid})"
    if endpoint.socket is None:
        raise RunError(f"{name} cannot be steered: {run.log_path} says why it has no socket")
    try:
        with _connect(endpoint.socket) as connection:
            connection.settimeout(timeout)
            reply = _exchange(connection, request)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        if not engine.responds:
            raise RunError(engine.refusal(run.id)) from None
        raise RunError(f"{name} does not reply ({error}): see {run.log_path}") from None
    if not reply.ok:
        raise RunError(f"the engine of run {run.id} rejected the request: {reply.error}")
    return reply


def _listening_engine(run: RunDirectory, start_timeout: float) -> LiveEngine:
    """Return the live engine of a run once it has started."""
    deadline = time.monotonic() + start_timeout
    while True:
        engine = run.engine()
        if engine is None:
            raise RunError(f"run {run.id} has no live engine: `mnist-tui show {run.id}` says how it ended")
        if engine.is_elsewhere:
            raise RunError(engine.refusal(run.id))
        if engine.endpoint.pid:
            return engine
        if time.monotonic() >= deadline:
            raise RunError(f"the engine of run {run.id} does not listen yet: try again, or see {run.log_path}")
        time.sleep(POLL_SECONDS)


class Attachment:
    """A viewer's connection to the run's engine, kept open and renewed by a thread until it is closed."""

    def __init__(self, run: RunDirectory, by: str) -> None:
        self._run = run
        self._by = by
        self._closed = threading.Event()
        self.alive = False
        """True while the engine replies, even if the run directory is gone."""
        self.save_error = ""
        """The engine's reason why something cannot be saved; empty if all is saved."""
        threading.Thread(target=self._watch, name="attachment", daemon=True).start()

    def close(self) -> None:
        """Detach; returns at once."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.is_set():
            engine = self._run.engine()
            if engine is not None and engine.endpoint.socket is not None and not engine.is_elsewhere:
                try:
                    with _connect(engine.endpoint.socket) as connection:
                        self._ping(connection)
                except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                    pass  # the engine has exited, or is about to
                self.alive = False
            self._closed.wait(HEARTBEAT_SECONDS)

    def _ping(self, connection: socket.socket) -> None:
        reply = _exchange(connection, Attach(by=self._by))
        while reply.ok:
            self.alive, self.save_error = True, reply.save_error
            if self._closed.wait(HEARTBEAT_SECONDS):
                return
            reply = _exchange(connection, Ping())


def _connect(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(REPLY_SECONDS)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _exchange(connection: socket.socket, request: Request) -> Reply:
    connection.sendall(msgspec.json.encode(request) + b"\n")
    with connection.makefile("rb") as lines:
        line = lines.readline()
    if not line:
        raise ConnectionError("the connection was closed")
    return msgspec.json.decode(line, type=Reply)

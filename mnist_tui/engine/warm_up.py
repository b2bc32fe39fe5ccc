"""Work of a warm engine: it imports in a thread, prepares a run on request, and becomes the engine of a run.

control/warm.py has the other side.
"""

import contextlib
import functools
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from mnist_tui.config import ConfigError, RunConfig
from mnist_tui.control.client import EARLY_SIGNALS
from mnist_tui.control.warm import MAX_MESSAGE, Begin, Message, Prepare, fits
from mnist_tui.engine import __main__ as engine
from mnist_tui.engine.data import datasets
from mnist_tui.engine.hardware import detection
from mnist_tui.engine.preparation import Prepared, import_backend, prepare
from mnist_tui.engine.process import end_with_parent, show_command_line
from mnist_tui.engine.temporaries import exit_now, use_own_folder, use_shared_folder

POLL_SECONDS = 0.2
"""Time between two looks at whether the imports are done."""
MAX_OUTPUT = 1 << 20
"""Bytes of output before the run that its log begins with."""


class WarmUp:
    """Imports, and the preparation of a run, in a thread. If they fail before the run begins, the process ends."""

    def __init__(self, backend: str, device: str) -> None:
        self._backend, self._device = backend, device
        self._has_begun = threading.Event()
        self._thread = ThreadPoolExecutor(1, "warm-up")
        self._config: RunConfig | None = None
        self._fingerprint = ""
        self._imported = self._result = self._submit(self._import)

    def _submit(self, work: Callable[[], Prepared | None]) -> "Future[Prepared | None]":
        def end_if_failed(future: "Future[Prepared | None]") -> None:
            if future.exception() is not None and not self._has_begun.is_set():
                exit_now(1)

        future = self._thread.submit(work)
        future.add_done_callback(end_if_failed)
        return future

    def _import(self) -> None:
        import_backend(self._backend, self._device)
        from mnist_tui.engine import run  # noqa: F401  # with all that it imports

    @property
    def has_imported(self) -> bool:
        """Return True if the imports are done."""
        return self._imported.done()

    def prepare(self, config: RunConfig) -> None:
        """Prepare a run once all is imported."""
        self._config, self._fingerprint = config, datasets.fingerprint(config.data)
        self._result = self._submit(functools.partial(self._prepare, config))

    def _prepare(self, config: RunConfig) -> Prepared:
        use_own_folder()  # for what TensorFlow writes when it traces
        return prepare(config)

    def fits(self, config: RunConfig) -> bool:
        """Return True if a run can begin on this process."""
        if not fits(config, self._backend, self._device, self._config):
            return False
        return self._config is None or datasets.fingerprint(config.data) == self._fingerprint

    def begin(self) -> None:
        """Leave errors to the run from now on."""
        self._has_begun.set()
        if self._result.done() and self._result.exception() is not None:
            exit_now(1)

    def result(self, _: RunConfig) -> Prepared | None:
        """Return what is prepared for the run that has begun, once it is; raises the errors of all that precedes."""
        prepared = self._result.result()
        self._thread.shutdown(wait=False)
        return prepared


def wait_for_run(connection: socket.socket, warm_up: WarmUp) -> list[str]:
    """Return the arguments of the run that begins; exit if there will be none."""
    connection.settimeout(POLL_SECONDS)
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(connection, MAX_MESSAGE, 2)
            message = msgspec.json.decode(data, type=Message)
        except TimeoutError:
            if warm_up.has_imported:  # nothing keeps this thread from the end of the connection for long any more
                end_with_parent(0)  # so that the temporary folder is removed
                connection.settimeout(None)
            continue
        except (OSError, msgspec.DecodeError):  # an empty one if the other side has ended
            exit_now(0)
        match message:
            case Prepare(config):
                with contextlib.suppress(ConfigError, OSError):  # a run will report it
                    warm_up.prepare(config)
            case Begin(config, arguments) if warm_up.fits(config):
                log, lock = descriptors
                warm_up.begin()
                become(log)
                return [*arguments, "--lock", str(lock)]
            case _:
                exit_now(0)


def become(log: int) -> None:
    """Give this process all that a new engine would have."""
    signal.pthread_sigmask(signal.SIG_BLOCK, EARLY_SIGNALS)
    end_with_parent(0)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with contextlib.suppress(OSError):  # a full disk
        os.write(log, os.pread(2, MAX_OUTPUT, 0))
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    use_shared_folder()  # where the socket belongs; the engine then uses a folder of its own


def serve(connection: socket.socket, backend: str, device: str) -> None:
    """Warm up, wait for a run on this connection, and be its engine."""
    detection.lower_priority()
    signal.pthread_sigmask(signal.SIG_BLOCK, EARLY_SIGNALS)  # in all other threads, which leave them to this one
    warm_up = WarmUp(backend, device)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, EARLY_SIGNALS)
    connection.set_inheritable(False)
    arguments = wait_for_run(connection, warm_up)
    sys.argv = [str(engine.__file__), *arguments]
    sys.orig_argv = [sys.executable, "-P", "-m", "mnist_tui.engine", *arguments]
    show_command_line(sys.orig_argv)
    with connection, contextlib.suppress(OSError):  # the other side may have ended: the run goes on
        connection.send(b"1")
    engine.main(arguments, warm_up.result)

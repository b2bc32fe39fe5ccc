"""Engines that are forked from a process that has imported Keras already, which takes seconds.

Each test process has one server a backend. `spawn` takes the place of `mnist_tui.control.spawning.spawn`: the engine is
a child of the test process, in the state of a fresh one, with the same arguments, descriptors and environment.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO

import msgspec

from mnist_tui.control import spawning
from mnist_tui.control.model_check import REQUEST, CheckRequest
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory

spawn_fresh = spawning.spawn
SERVER = Path(__file__).with_name("fork_server.py")
SET_CHILD_SUBREAPER = 36
"""Option of prctl. An orphan's new parent is the nearest ancestor that has set it."""
HAS_FORKS = sys.platform == "linux" and not Path("/dev/nvidiactl").exists()
"""False where a fork is not safe: a backend may have opened a GPU."""
ANY_VALUE = ("MNIST_TUI_", "PYTEST_", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "USER", "LOGNAME", "TERM", "TZ")
"""Beginnings of the names of variables that nothing reads when Keras is imported."""

_servers: dict[str, "Server"] = {}


def spawn(
    module: str,
    *arguments: str,
    stdout: int | IO[bytes],
    stderr: IO[bytes],
    environment: Mapping[str, str] | None = None,
    own_session: bool = False,
    descriptors: Collection[int] = (),
) -> subprocess.Popen[bytes]:
    """Fork a process of the engine, or start it if it cannot be forked; as `mnist_tui.control.spawning.spawn`."""
    variables = dict(os.environ if environment is None else environment)
    backend = _backend(module, arguments)
    if HAS_FORKS and backend is not None:
        if backend not in _servers:
            _servers[backend] = Server(backend)
        if _servers[backend].fits(variables):
            return _servers[backend].fork(
                module, arguments, variables, (stdout, stderr), tuple(descriptors), own_session=own_session
            )
    return spawn_fresh(
        module,
        *arguments,
        stdout=stdout,
        stderr=stderr,
        environment=environment,
        own_session=own_session,
        descriptors=descriptors,
    )


def _backend(module: str, arguments: tuple[str, ...]) -> str | None:
    """Return the backend that a process is going to import; None if it must be a fresh one."""
    if module == "mnist_tui.engine.jobs.check_model":
        request = msgspec.json.decode((Path(arguments[0]) / REQUEST).read_bytes(), type=CheckRequest)
        return request.config.backend
    path = {"mnist_tui.engine": 0, "mnist_tui.engine.jobs": 1}.get(module)
    if path is None:
        return None
    is_export = module == "mnist_tui.engine.jobs" and arguments[0] == "export"
    return "tensorflow" if is_export else RunDirectory(Path(arguments[path])).record().config.backend


class Server:
    """The process that is forked, and this process' connection to it, whose end is its end."""

    def __init__(self, backend: str) -> None:
        self._environment = _fixed(os.environ)
        self._connection, theirs = socket.socketpair()
        with theirs:
            subprocess.Popen(
                [sys.executable, "-P", str(SERVER), str(theirs.fileno()), backend, "x" * 4096],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if name != HOME_VARIABLE},
                pass_fds=(theirs.fileno(),),
            )
        self._lock = threading.Lock()

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Return True if the imports under another environment would be the same."""
        return _fixed(environment) == self._environment

    def fork(
        self,
        module: str,
        arguments: tuple[str, ...],
        environment: dict[str, str],
        streams: tuple[int | IO[bytes], IO[bytes]],
        descriptors: tuple[int, ...],
        *,
        own_session: bool,
    ) -> "ForkedProcess":
        """Fork a process that runs a module."""
        reader = None
        stdout, stderr = streams
        if isinstance(stdout, int):
            assert stdout == subprocess.PIPE
            read_end, write_end = os.pipe()
            reader, stdout = os.fdopen(read_end, "rb"), os.fdopen(write_end, "wb")
        order = {
            "module": module,
            "arguments": arguments,
            "environment": environment,
            "folder": str(Path.cwd()),
            "umask": _umask(),
            "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            "own_session": own_session,
            "descriptors": descriptors,
        }
        with self._lock, Path(os.devnull).open("rb") as stdin, _adopting_orphans():
            sent = [stdin.fileno(), stdout.fileno(), stderr.fileno(), *descriptors]
            with tempfile.TemporaryFile() as parcel:  # no limit of its size
                parcel.write(json.dumps(order).encode())
                parcel.flush()
                socket.send_fds(self._connection, [b"?"], [parcel.fileno(), *sent])
                pid = int.from_bytes(self._connection.recv(4), "little")
        if reader is not None:
            stdout.close()
        assert pid, "the fork server has ended: its captured stderr says why"
        return ForkedProcess(pid, [module, *arguments], reader)


class ForkedProcess(subprocess.Popen[bytes]):
    """A child of this process that another one has forked."""

    def __init__(self, pid: int, args: list[str], stdout: IO[bytes] | None) -> None:
        # what Popen.__init__ sets for a child without stdin and stderr
        self.args, self.pid, self.returncode = args, pid, None
        self.stdin, self.stdout, self.stderr = None, stdout, None
        vars(self).update(
            _child_created=True, _waitpid_lock=threading.Lock(), text_mode=False, _communication_started=False
        )


def _fixed(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(ANY_VALUE)}


def _umask() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))


@contextlib.contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Become the parent of the engine, whose own one exits. Other orphans must not stay as zombies, so not for long."""
    prctl = ctypes.CDLL(None).prctl
    prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(SET_CHILD_SUBREAPER, 0, 0, 0, 0)

"""The warm engine: a spare process that imports Keras, and prepares the likely run, before the user starts one.

It ends with the process that started it, unless a run has begun on it. Each process has at most one, `spare`.
"""

import contextlib
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO

import msgspec

import mnist_tui
from mnist_tui.config import RunConfig
from mnist_tui.control import spawning
from mnist_tui.control.memory import free_memory

MODULE = "mnist_tui.engine.warm"
SWITCH = "MNIST_TUI_WARM"
"""Environment variable that is "0" or "off" to have no warm engine."""
MEMORY = "0.4 to 0.9 GB"
"""Memory that it holds, with the imports alone and with a prepared run of a preset (TensorFlow on a CPU)."""
LEAST_MEMORY = 3 * 2**30
"""Free bytes without which there is no warm engine. A run of `reference` needs 2 GB."""
REPLY_SECONDS = 30.0
"""Time for the reply of a warm engine. An import may keep it from replying, for long if others use all cores."""
ROOM = 4608
"""Bytes for the command line of the engine that it becomes: the longest path and the options."""
MAX_MESSAGE = 1 << 16


class Prepare(msgspec.Struct, frozen=True, tag=True):
    """Load the data, build the model and compile it."""

    config: RunConfig


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Become the engine of a run. Its log and its lock come with this message."""

    config: RunConfig
    arguments: tuple[str, ...]
    """Arguments of mnist_tui.engine except the lock."""


Message = Prepare | Begin


def fits(config: RunConfig, backend: str, device: str, prepared: RunConfig | None) -> bool:
    """Return True if a run can begin on a warm engine with this backend and device, prepared for other settings."""
    if (config.backend, config.device) != (backend, device):
        return False
    return prepared is None or msgspec.structs.replace(config, name=None) == prepared


def can_prepare(config: RunConfig) -> bool:
    """Return True unless a run needs code or reviews of the user, which may change until it begins."""
    return config.model is None and config.labels == "given"


def is_off(environ: Mapping[str, str]) -> str:
    """Return the reason why there is no warm engine; empty if there is one."""
    if environ.get(SWITCH, "").lower() in ("0", "off"):
        return f"{SWITCH} is {environ[SWITCH]}"
    if sys.platform != "linux":
        return "only on Linux"
    free = free_memory()
    return f"{free / 1e9:.1f} GB of memory are free, less than {LEAST_MEMORY / 1e9:.1f}" if free < LEAST_MEMORY else ""


class WarmEngine:
    """Connection to a spare process. It must be started in a thread that lives as long as this process."""

    def __init__(self, backend: str, device: str) -> None:
        """Start the process; raises OSError."""
        self.backend, self.device = backend, device
        self.prepared: RunConfig | None = None
        """Settings that it has been told to prepare."""
        self._environment, self._stamp = dict(os.environ), _stamp()
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, tempfile.TemporaryFile() as output:  # its output until it has a log
            number = theirs.fileno()
            self.process = spawning.spawn(
                *(MODULE, str(number), backend, device, " " * ROOM),
                stdout=output,
                stderr=output,
                own_session=True,
                descriptors=(number,),
            )

    def fits(self, config: RunConfig) -> bool:
        """Return True if a run with these settings would find in it what a new process would."""
        is_same = self._environment == dict(os.environ) and self._stamp == _stamp()
        return is_same and fits(config, self.backend, self.device, self.prepared)

    def prepare(self, config: RunConfig) -> None:
        """Let it prepare a run; raises OSError if it has ended."""
        self.prepared = msgspec.structs.replace(config, name=None)
        self._connection.sendall(msgspec.json.encode(Prepare(self.prepared)))

    def begin(self, config: RunConfig, arguments: tuple[str, ...], log: IO[bytes], lock: int) -> bool:
        """Let it become the engine of a run. Return False if it could not, in which case it has ended."""
        with self._connection, contextlib.suppress(OSError):
            self._connection.settimeout(REPLY_SECONDS)
            message = msgspec.json.encode(Begin(config, arguments))
            socket.send_fds(self._connection, [message], [log.fileno(), lock])
            if self._connection.recv(1):
                return True
        self.process.kill()
        self.process.wait()
        return False

    def end(self) -> None:
        """Let it exit."""
        self._connection.close()


class Spare:
    """The warm engine of this process, if there is one. Its methods do nothing where there should be none."""

    def __init__(self) -> None:
        self._engine: WarmEngine | None = None
        self._ended: list[subprocess.Popen[bytes]] = []
        """Processes to collect."""
        self._broken: set[tuple[str, str]] = set()
        """Backends and devices with which a warm engine ended by itself: the next run will say why."""
        self._lock = threading.Lock()

    def keep(self, config: RunConfig) -> None:
        """Have a warm engine for a run with these settings; replace one that does not fit.

        Call it in a thread that lives as long as this process, with whose end the kernel ends the engine.
        """
        with self._lock:
            self._ended = [process for process in self._ended if process.poll() is None]
            engine = self._engine
            if engine is not None and engine.process.poll() is not None:
                self._broken.add((engine.backend, engine.device))
                self._drop()
            elif engine is not None and not engine.fits(config):
                self._drop()
            if self._engine is None and (config.backend, config.device) not in self._broken and not is_off(os.environ):
                with contextlib.suppress(OSError):  # no memory or no process left, which the run will report
                    self._engine = WarmEngine(config.backend, config.device)

    def prepare(self, config: RunConfig) -> None:
        """Let the warm engine, if there is one that fits, load the data, build the model and compile it."""
        with self._lock:
            engine = self._engine
            if engine is not None and engine.prepared is None and can_prepare(config) and engine.fits(config):
                with contextlib.suppress(OSError):
                    engine.prepare(config)

    def begin(
        self, config: RunConfig, arguments: tuple[str, ...], log: IO[bytes], lock: int
    ) -> subprocess.Popen[bytes] | None:
        """Let the warm engine become the engine of a run; return None if there is none that fits, or it has ended."""
        with self._lock:
            engine = self._engine
            if engine is None or not engine.fits(config):
                return None
            self._engine = None
        return engine.process if engine.begin(config, arguments, log, lock) else None

    def _drop(self) -> None:
        if self._engine is not None:
            self._engine.end()
            self._ended.append(self._engine.process)
            self._engine = None


spare = Spare()


def _stamp() -> tuple[int, ...]:
    """Return what changes when packages are installed, upgraded or removed, or a checkout's code is."""
    with contextlib.suppress(OSError):
        return tuple(os.stat(path).st_mtime_ns for path in _code())  # noqa: PTH116 (Path.stat takes four times as long)
    return ()


@cache
def _code() -> tuple[str, ...]:
    """Return the folder of packages and the program's modules, looked up once as this is called while a user types."""
    modules = Path(mnist_tui.__file__).parent.rglob("*.py")
    return sysconfig.get_path("purelib"), *map(str, modules)

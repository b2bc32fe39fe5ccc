"""Liveness of a run's engine: which process holds the lock, on which machine, and when it last showed a sign of life.

The kernel releases a lock however its process ends, so that a crash is detected reliably. On a shared disk, though, a
lock may count on one machine only. So the engine names its machine in the lock file, and keeps the file's time recent:
its heartbeat.
"""

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

HEARTBEAT_SECONDS = 1.0
STOPPED_SECONDS = 3.0
"""Age of the last heartbeat from which on an engine does not respond, if the system says that it is stopped."""
SILENT_SECONDS = 10.0
"""Age of the last heartbeat from which on any other engine does not respond."""
LOST_SECONDS = 60.0
"""Age of the last heartbeat from which on an engine has crashed, if only its own machine can see its lock."""
CLOCK_ERROR_SECONDS = 3600.0
"""Most by which the clock of a shared disk may differ from this machine's."""
ENDPOINT_BYTES = 2048
"""Length of the lock file, which is more than any endpoint needs."""
FIRST_OWN_DESCRIPTOR = 3
"""Lower descriptors are standard streams, which a child process replaces."""


class Endpoint(msgspec.Struct, frozen=True):
    """Contents of the lock file: the engine that holds it."""

    pid: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
    """0 while the engine starts."""
    socket: str | None = None
    host: str = ""
    """Name of its machine, for people."""
    machine: str = ""
    """Identity of that machine, see `this_machine`; empty if an earlier version wrote the file."""
    save_error: str = ""
    """Files and events that the engine cannot save, and why. It stays after the exit, even on a full disk."""


@dataclass(frozen=True)
class LiveEngine:
    """A live engine, as its lock file shows it."""

    endpoint: Endpoint
    silent_since: float | None
    """Time of the last heartbeat in seconds since 1970, if the engine does not respond."""

    @property
    def responds(self) -> bool:
        """Return True if it shows signs of life."""
        return self.silent_since is None

    @property
    def is_elsewhere(self) -> bool:
        """Return True if it is on another machine or in another container, so that its process cannot be reached."""
        return self.endpoint.machine not in ("", this_machine())

    @property
    def place(self) -> str:
        """The machine, as in "host node7". A restarted machine counts as another one."""
        inside = ", in another container or before its restart" if self.endpoint.host == host() else ""
        return f"host {self.endpoint.host}{inside}"

    def refusal(self, run_id: str) -> str:
        """Return why its run gets no second engine or cannot be reached, and what to do."""
        pid, since = self.endpoint.pid, self.silent_since
        silence = "" if since is None else f"has not responded since {clock(since)}"
        if self.is_elsewhere:
            return (
                f"run {run_id} is live on {self.place}{silence and f', but {silence}'}: use mnist-tui there,"
                f" or if that machine is gone, `mnist-tui resume {run_id} --take-over`"
            )
        if silence:
            return (
                f"the engine of run {run_id} (process {pid}) {silence}: if it was stopped, `kill -CONT {pid}` lets it"
                f" go on; `kill -9 {pid}` ends it"
            )
        return f"run {run_id} already has a live engine: attach to it, or stop it first"


def host() -> str:
    """Return the name of this machine."""
    return os.uname().nodename.encode(errors="replace").decode()


@cache
def this_machine() -> str:
    """Return what a process must share with another to see its id and its locks: the boot and the PID namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return host()


def find_engine(lock_path: Path) -> LiveEngine | None:
    """Return the live engine of a run, None if there is none."""
    try:
        descriptor = open_lock(lock_path, os.O_RDONLY)  # works on a disk that became read-only
    except OSError:
        return None
    try:
        is_held, endpoint = _is_held(descriptor), _read_endpoint(descriptor)
        heartbeat = os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)
    if endpoint is None:
        return LiveEngine(Endpoint(0), None) if is_held else None
    engine = LiveEngine(endpoint, None)
    # An engine without a lock has ended without a word, unless its lock cannot be seen from here.
    if not (is_held or engine.is_elsewhere or _is_engine(endpoint.pid, lock_path.parent)):
        return None
    silence = _silence(heartbeat, lock_path.parent) if endpoint.machine else 0.0
    if engine.is_elsewhere and not is_held and silence > LOST_SECONDS:
        return None
    is_stopped = silence > STOPPED_SECONDS and not engine.is_elsewhere and _is_stopped(endpoint.pid)
    # On a disk that became read-only, no heartbeat is no sign.
    is_silent = (is_stopped or silence > SILENT_SECONDS) and endpoint.pid and os.access(lock_path, os.W_OK)
    return LiveEngine(endpoint, heartbeat) if is_silent else engine


def last_save_error(lock_path: Path) -> str:
    """Return what the live or the last engine could not save; empty if it saved everything."""
    endpoint = last_endpoint(lock_path)
    return endpoint.save_error if endpoint is not None else ""


def last_endpoint(lock_path: Path) -> Endpoint | None:
    """Return the endpoint of the live engine, or of one that was killed; None without one."""
    try:
        descriptor = open_lock(lock_path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return _read_endpoint(descriptor)
    finally:
        os.close(descriptor)


def open_lock(path: Path, flags: int) -> int:
    """Open a lock file and return its descriptor, which no child process replaces; raises OSError."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file")
        if descriptor >= FIRST_OWN_DESCRIPTOR:
            return descriptor
        higher = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_OWN_DESCRIPTOR)
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return higher


def clock(moment: float) -> str:
    """Return a time in seconds since 1970 as 14:05:09, with the date if that is not today."""
    then = time.localtime(moment)
    is_today = then[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S", then)


def starting() -> Endpoint:
    """Return the endpoint of an engine that starts on this machine."""
    return Endpoint(0, None, host(), this_machine())


def write_endpoint(descriptor: int, endpoint: Endpoint | None) -> None:
    """Write the endpoint of the engine into the lock file, None when it exits; raises OSError.

    The length is constant, so that a disk that fills up later cannot hide a live engine.
    """
    os.pwrite(descriptor, msgspec.json.encode(endpoint).ljust(ENDPOINT_BYTES), 0)


def _read_endpoint(descriptor: int) -> Endpoint | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, ENDPOINT_BYTES, 0), type=Endpoint | None)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a disk without locks
        return False
    return False


def _silence(heartbeat: float, folder: Path) -> float:
    """Return the seconds since a heartbeat, by the clock of the disk if this machine's makes it look old."""
    silence = time.time() - heartbeat
    if silence < 0 or SILENT_SECONDS < silence < CLOCK_ERROR_SECONDS:
        with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder) as probe:
            silence = os.fstat(probe.fileno()).st_mtime - heartbeat
    return silence


def _is_engine(pid: int, run: Path) -> bool:
    """Return True if a process of this machine is the engine of a run: another one may have got its id."""
    import psutil  # takes time, and few runs need it

    try:
        command = psutil.Process(pid).cmdline() if pid else []
    except psutil.Error:
        return False
    return "mnist_tui.engine" in command and any(_is_same_folder(word, run) for word in command)


def _is_same_folder(path: str, run: Path) -> bool:
    try:
        return run.samefile(path)
    except OSError:
        return False


def _is_stopped(pid: int) -> bool:
    """Return True if a process of this machine is stopped, as by SIGSTOP or a debugger."""
    import psutil

    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False

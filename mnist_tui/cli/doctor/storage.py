"""Checks of the folder of the runs and of the folder of the control sockets."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mnist_tui.cli.doctor.findings import Finding, Level
from mnist_tui.engine.service import private_socket
from mnist_tui.runs.directory import HOME_VARIABLE, home
from mnist_tui.runs.lock import LOCKS_FIX

LITTLE, TOO_LITTLE = 2**30, 100 * 2**20
"""Bytes of free disk; a run of `best` needs 100 MB."""
CLOCK_SKEW = 2.0
"""Seconds that a file server's clock may differ before the ages of runs look wrong."""


def storage_findings() -> Iterator[Finding]:
    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            yield Finding("runs", str(folder))
            yield lock_finding(file.fileno())
            yield clock_finding(time.time() - os.fstat(file.fileno()).st_mtime)
    except OSError as error:
        fix = f"Set {HOME_VARIABLE} to a folder that you can write."
        yield Finding("runs", f"{folder} cannot be written ({error.strerror})", Level.PROBLEM, fix)
        return
    yield space_finding(folder)
    try:
        yield Finding("control socket", str(private_socket.socket_path().parent))
    except OSError as error:
        yield Finding("control socket", str(error), Level.PROBLEM, "Runs train, but cannot be steered.")


def lock_finding(descriptor: int) -> Finding:
    """Return whether the disk has file locks, which show that a run is live."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        fix = f"{LOCKS_FIX[0].upper()}{LOCKS_FIX[1:]}."
        return Finding("file locks", f"refused ({error.strerror})", Level.PROBLEM, fix)
    return Finding("file locks", "yes")


def clock_finding(skew: float) -> Finding:
    """Return whether the clocks of the machine and of the disk's server agree."""
    if abs(skew) <= CLOCK_SKEW:
        return Finding("clock", f"{time.strftime('%Y-%m-%d %H:%M:%S %Z')}, agrees with the disk's")
    fix = "Synchronise both by NTP: ages of runs are wrong otherwise."
    return Finding("clock", f"differs from the disk's by {skew:+.0f} s", Level.NOTE, fix)


def space_finding(folder: Path) -> Finding:
    """Return the free disk space."""
    free = shutil.disk_usage(folder).free
    level = Level.PROBLEM if free < TOO_LITTLE else Level.NOTE if free < LITTLE else Level.OK
    fix = f"Remove old runs from {folder}, or set {HOME_VARIABLE} to another disk." if level is not Level.OK else ""
    return Finding("free disk", f"{free / 1e9:,.1f} GB", level, fix)

"""Checks of the CPU and the memory, and of the limits that a container or a batch system sets."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import psutil

from mnist_tui.cli.doctor.findings import Finding, Level
from mnist_tui.engine.hardware.detection import has_bfloat16, usable_cores

CGROUP = Path("/sys/fs/cgroup")
MEMORY_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""Files with the limit of bytes, in versions 2 and 1 of control groups."""
NEEDED = 2 * 2**30
"""Bytes that a run of `reference` needs, with some room."""


def machine_findings(cgroup: Path = CGROUP) -> Iterator[Finding]:
    yield Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    usable = usable_cores()
    quota = cpu_quota(cgroup)
    cores = f"{usable} of {os.cpu_count()} CPU cores" + (f", limited to the time of {quota:g}" if quota else "")
    is_limited = quota is not None and quota < usable
    fix = f"Give --threads {max(1, round(quota))}." if quota is not None and is_limited else ""
    yield Finding("cores", cores, Level.NOTE if is_limited else Level.OK, fix)
    yield Finding("bfloat16", "in the CPU" if has_bfloat16() else "not in this CPU, or switched off: float32 is used")
    available, limit = psutil.virtual_memory().available, memory_limit(cgroup)
    memory = f"{available / 1e9:,.1f} GB free" + (f", limited to {limit / 1e9:,.1f} GB" if limit else "")
    is_short = min(available, limit or available) < NEEDED
    fix = "Close other programs, or give a smaller --batch-size." if is_short else ""
    yield Finding("memory", memory, Level.NOTE if is_short else Level.OK, fix)


def memory_limit(cgroup: Path) -> int | None:
    """Return the bytes that this process's control group may use, if they are fewer than the machine has."""
    for name in MEMORY_LIMITS:
        text = _read(cgroup / name)
        if text.isdecimal() and int(text) < psutil.virtual_memory().total:
            return int(text)
    return None


def cpu_quota(cgroup: Path) -> float | None:
    """Return the number of cores whose time this process's control group may use, if it is limited."""
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

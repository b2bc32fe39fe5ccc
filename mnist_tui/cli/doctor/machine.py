"""Checks of the CPU and the memory, and of the limits that a container or a batch system sets."""

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from mnist_tui.cli.doctor.findings import Finding, Level
from mnist_tui.control import warm
from mnist_tui.control.memory import CGROUP, memory_limit
from mnist_tui.engine.hardware.detection import has_bfloat16, usable_cores

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
    yield warm_engine_finding(os.environ)


def warm_engine_finding(environ: Mapping[str, str]) -> Finding:
    """Return whether a home screen keeps a warm engine, and the memory of those that wait now."""
    if reason := warm.is_off(environ):
        return Finding("warm engine", f"off, {reason}: a run starts some seconds later")
    waiting = [
        process.info["memory_info"].rss
        for process in psutil.process_iter(("cmdline", "memory_info"))
        if warm.MODULE in (process.info["cmdline"] or ()) and process.info["memory_info"]
    ]
    now = f"; {len(waiting)} now, {sum(waiting) / 1e9:,.1f} GB" if waiting else ""
    return Finding("warm engine", f"takes {warm.MEMORY} while the home screen is open{now}; {warm.SWITCH}=off: none")


def cpu_quota(cgroup: Path) -> float | None:
    """Return the number of cores whose time this process's control group may use, if it is limited."""
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

"""Memory that this process may still use, on the machine and in its control group."""

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""Files with the limit of bytes, in versions 2 and 1 of control groups."""
USED = ("memory.current", "memory/memory.usage_in_bytes")
"""Files with the bytes in use, among them files that the kernel can drop."""
STATISTICS = ("memory.stat", "memory/memory.stat")
DROPPABLE = "inactive_file"


def memory_limit(cgroup: Path = CGROUP) -> int | None:
    """Return the bytes that this process's control group may use, if they are fewer than the machine has."""
    import psutil  # takes time, and few commands need it

    limit = _number(cgroup, LIMITS)
    return limit if limit is not None and limit < psutil.virtual_memory().total else None


def free_memory(cgroup: Path = CGROUP) -> int:
    """Return the bytes that are free on the machine, or in the control group if those are fewer."""
    import psutil

    available, limit = psutil.virtual_memory().available, memory_limit(cgroup)
    if limit is None:
        return int(available)
    words = " ".join(_read(cgroup / name) for name in STATISTICS).split()
    droppable = int(words[words.index(DROPPABLE) + 1]) if DROPPABLE in words[:-1] else 0
    return min(int(available), limit - (_number(cgroup, USED) or 0) + droppable)


def _number(cgroup: Path, names: tuple[str, ...]) -> int | None:
    return next((int(text) for name in names if (text := _read(cgroup / name)).isdecimal()), None)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

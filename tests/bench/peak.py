"""The most memory that a process has held."""

from pathlib import Path


def peak_bytes(process: int | str) -> int | None:
    """Of a process id, or of "self"; None on a system that does not tell it (VmHWM)."""
    try:
        lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

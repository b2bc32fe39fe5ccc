"""Peak memory of a process."""

from pathlib import Path


def peak_bytes(process: int | str) -> int | None:
    """Return the peak resident bytes of a process id or "self"; None if the system does not report VmHWM."""
    try:
        lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

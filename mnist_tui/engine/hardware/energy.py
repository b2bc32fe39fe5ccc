"""Energy of the CPU packages, from Intel's and AMD's RAPL counters (Linux: Documentation/power/powercap).

A counter covers a whole package, with all its cores and for all processes. Memory modules have counters of their own on
servers only, so they are left out.
"""

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
JOULES_PER_MICROJOULE = 1e-6


class CpuEnergy:
    """Reader of the energy of all CPU packages, from one call to the next."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self.note = ""
        """Reason why the energy cannot be read; empty if it can."""
        # Zones like intel-rapl:0:0 are parts of a package, and psys is the whole machine with its packages.
        self._zones = [zone for zone in sorted(folder.glob("intel-rapl:*")) if _is_package(zone)]
        self._ranges = [_read(zone / "max_energy_range_uj") for zone in self._zones]
        self._before: list[int] | None = None
        self.joules()

    def joules(self) -> float | None:
        """Return the joules used since the call before; None if a package cannot be read, then or now."""
        before, self._before = self._before, self._counters()
        if before is None or self._before is None:
            return None
        rises = list(map(_rise, before, self._before, self._ranges))
        known = [rise for rise in rises if rise is not None]
        return sum(known) * JOULES_PER_MICROJOULE if len(known) == len(rises) else None

    def _counters(self) -> list[int] | None:
        self.note = "" if self._zones else "no RAPL counters here"
        found = []
        for zone in self._zones:
            value = _read(zone / "energy_uj")
            if value is None:
                self.note = f"{zone / 'energy_uj'} cannot be read: it needs root"
                return None
            found.append(value)
        return found or None


def _is_package(zone: Path) -> bool:
    try:
        return (zone / "name").read_text().startswith("package")
    except (OSError, UnicodeDecodeError):
        return False


def _read(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _rise(before: int, now: int, size: int | None) -> int | None:
    """Return the rise of a counter that begins again at 0 after `size`; None if this does not explain a fall."""
    if now >= before:
        return now - before
    return None if size is None or size < before else size - before + now

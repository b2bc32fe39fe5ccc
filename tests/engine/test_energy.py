"""The energy of CPU packages, from a copy of /sys/class/powercap."""

from pathlib import Path

import pytest

from mnist_tui.engine.hardware.energy import CpuEnergy

RANGE = 262_143_328_850


def write_zone(folder: Path, zone: str, name: str, energy: int | str, size: int | str = RANGE) -> Path:
    path = folder / zone
    path.mkdir(parents=True, exist_ok=True)
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{energy}\n")
    (path / "max_energy_range_uj").write_text(f"{size}\n")
    return path / "energy_uj"


def test_packages_are_added_without_their_parts_and_the_platform(tmp_path: Path) -> None:
    def write(energy: int) -> None:
        zones = {"0": "package-0", "0:0": "core", "0:1": "dram", "1": "package-1-die-0", "2": "psys"}
        for zone, name in zones.items():
            write_zone(tmp_path, f"intel-rapl:{zone}", name, energy)
        write_zone(tmp_path, "intel-rapl-mmio:0", "package-0", energy)

    write(1_000_000)
    reader = CpuEnergy(tmp_path)
    write(3_500_000)
    assert reader.joules() == pytest.approx(5.0)
    assert reader.joules() == 0
    assert not reader.note


def test_a_counter_wraps_around_at_its_range(tmp_path: Path) -> None:
    counter = write_zone(tmp_path, "intel-rapl:0", "package-0", RANGE - 2_000_000)
    reader = CpuEnergy(tmp_path)
    counter.write_text("3000000")
    assert reader.joules() == pytest.approx(5.0)


@pytest.mark.parametrize("size", ["", "12", "rubbish"])
def test_a_fall_that_no_range_explains_is_unknown(tmp_path: Path, size: str) -> None:
    counter = write_zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000, size)
    reader = CpuEnergy(tmp_path)
    counter.write_text("1000000")
    assert reader.joules() is None
    counter.write_text("2000000")
    assert reader.joules() == pytest.approx(1.0)


@pytest.mark.parametrize("value", ["", "rubbish", "1.5", None])
def test_a_package_that_cannot_be_read_makes_the_energy_unknown(tmp_path: Path, value: str | None) -> None:
    write_zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    counter = write_zone(tmp_path, "intel-rapl:1", "package-1", 1_000_000)
    reader = CpuEnergy(tmp_path)
    if value is None:
        counter.unlink()
        counter.mkdir()  # as unreadable for root as for others
    else:
        counter.write_text(value)
    assert reader.joules() is None
    assert "intel-rapl:1/energy_uj cannot be read: it needs root" in reader.note


@pytest.mark.parametrize("folder", ["missing", "."])
def test_without_rapl_there_is_a_note(tmp_path: Path, folder: str) -> None:
    reader = CpuEnergy(tmp_path / folder)
    assert reader.joules() is None
    assert reader.note == "no RAPL counters here"

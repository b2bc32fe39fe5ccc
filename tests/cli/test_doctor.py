"""Findings about a machine and a terminal, and what to do about them."""

import errno
import fcntl
import json
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from mnist_tui.cli.doctor import doctor, gpus, machine, packages, storage, terminal
from mnist_tui.cli.doctor.checks import CHECKS, findings
from mnist_tui.cli.doctor.findings import Finding, Level
from mnist_tui.control import warm
from mnist_tui.control.memory import memory_limit
from mnist_tui.runs.directory import HOME_VARIABLE
from mnist_tui.ui.terminal.colours import colour_depth


@pytest.fixture
def without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the check that takes seconds."""
    monkeypatch.setattr(packages, "import_finding", lambda backend: Finding(f"Keras, {backend}", "imported"))


@pytest.mark.usefixtures("without_keras")
def test_json_holds_all_findings_and_the_status_tells_of_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(doctor, ["--json"], standalone_mode=False)
    document = json.loads(done.stdout)
    assert document.keys() == CHECKS.keys()
    each = [finding for group in document.values() for finding in group]
    assert all(finding.keys() == {"name", "value", "level", "fix"} for finding in each)
    assert done.return_value == int(any(finding["level"] == "problem" for finding in each))

    monkeypatch.setitem(CHECKS, "GPUs", lambda: [Finding("GPU", "none", Level.PROBLEM, "Buy one.")])
    done = CliRunner().invoke(doctor, standalone_mode=False)
    assert done.return_value == 1
    assert "Buy one." in done.stdout


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, "GPUs", lambda: 1 / 0)
    (failed,) = findings("GPUs")
    assert failed.level is Level.NOTE
    assert "ZeroDivisionError" in failed.value


@pytest.mark.parametrize(
    ("environ", "level", "fix"),
    [
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, Level.OK, ""),
        ({"TERM": "xterm-256color"}, Level.NOTE, "COLORTERM=truecolor"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/tmux"}, Level.NOTE, "terminal-features"),
        ({"TERM": "screen", "STY": "1.pts", "COLORTERM": "truecolor"}, Level.NOTE, "GNU screen"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, Level.OK, ""),
    ],
)
def test_missing_colours_come_with_a_fix(environ: dict[str, str], level: Level, fix: str) -> None:
    found = terminal.colours(environ, colour_depth(environ))
    assert found.level is level
    assert fix in found.fix


def test_keras_is_imported_in_a_process_of_its_own_or_the_error_is_named() -> None:
    good, bad = packages.import_finding("tensorflow"), packages.import_finding("abacus")
    assert (good.level, bad.level) == (Level.OK, Level.PROBLEM)
    assert re.search(r"in \d+\.\d s", good.value)
    assert "'abacus'" in bad.value


def test_variables_that_matter_are_listed_with_their_effect() -> None:
    (found,) = packages.variables({"OMP_NUM_THREADS": "1", "HOME": "/root"})
    assert (found.name, found.value.startswith("1, ")) == ("OMP_NUM_THREADS", True)


def nvml(names: list[str], mig: int = 0) -> SimpleNamespace:
    """Return a substitute for pynvml with these GPUs."""
    return SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlSystemGetDriverVersion=lambda: b"550.54",
        nvmlDeviceGetCount=lambda: len(names),
        nvmlDeviceGetHandleByIndex=int,
        nvmlDeviceGetName=names.__getitem__,
        nvmlDeviceGetCudaComputeCapability=lambda _: (9, 0),
        nvmlDeviceGetMigMode=lambda _: (mig, mig),
    )


def test_gpus_are_named_with_all_that_keeps_runs_from_using_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "DEVICE_FILES", tmp_path)
    monkeypatch.setattr(gpus, "CUDA_WHEELS", "no-such-package")
    found = {finding.name: finding for finding in gpus.gpu_findings(nvml(["H100"], mig=1))}
    assert found["driver"].value == "NVIDIA 550.54"
    assert found["gpu:0"].value.startswith("H100, MIG is on")
    assert found["CUDA packages"].level is Level.PROBLEM

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    hidden = {finding.name: finding for finding in gpus.gpu_findings(nvml(["H100"]))}
    assert "CUDA_VISIBLE_DEVICES" in hidden["GPU"].fix

    device = tmp_path / "nvidia0"
    device.touch()
    monkeypatch.setattr(os, "access", lambda path, _: path != device)
    assert [each.level for each in gpus.gpu_findings(nvml([])) if each.name == str(device)] == [Level.PROBLEM]


@pytest.mark.parametrize(("vendor", "level"), [("0x10de", Level.NOTE), ("0x8086", Level.OK)])
def test_a_gpu_without_a_driver_differs_from_no_gpu(
    vendor: str, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "0000:01:00.0"
    device.mkdir()
    (device / "class").write_text("0x030200\n")
    (device / "vendor").write_text(vendor + "\n")
    monkeypatch.setattr(gpus, "PCI_DEVICES", tmp_path)
    assert gpus.missing_driver(OSError("no libnvidia-ml.so")).level is level


def test_files_are_checked_in_the_folder_of_the_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {finding.name: finding for finding in storage.storage_findings()}
    assert found["runs"].value == str(home)
    assert {each.level for each in found.values()} == {Level.OK}

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    locks = next(finding for finding in storage.storage_findings() if finding.name == "file locks")
    assert locks.level is Level.PROBLEM
    assert HOME_VARIABLE in locks.fix

    (home / "file").touch()
    monkeypatch.setenv(HOME_VARIABLE, str(home / "file"))
    (only,) = storage.storage_findings()
    assert (only.name, only.level) == ("runs", Level.PROBLEM)


@pytest.mark.parametrize(("skew", "level"), [(0.1, Level.OK), (-90.0, Level.NOTE), (90.0, Level.NOTE)])
def test_a_clock_that_differs_from_the_disk_is_noted(skew: float, level: Level) -> None:
    assert storage.clock_finding(skew).level is level


@pytest.mark.parametrize(
    ("free", "level"), [(2**40, Level.OK), (2**29, Level.NOTE), (2**20, Level.PROBLEM)], ids=["much", "little", "none"]
)
def test_little_free_disk_is_noted(free: int, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert storage.space_finding(tmp_path).level is level


def test_limits_of_a_container_are_noted(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    found = {finding.name: finding for finding in machine.machine_findings(tmp_path)}
    assert "limited to 1.0 GB" in found["memory"].value
    assert found["cores"].level is found["memory"].level is Level.NOTE
    assert "--threads 1" in found["cores"].fix

    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert memory_limit(tmp_path) is machine.cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("switch", "expected"), [("on", "GB while the home screen is open"), ("off", "off, ")])
def test_the_warm_engine_and_its_memory_are_named(switch: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "free_memory", lambda: warm.LEAST_MEMORY)
    finding = machine.warm_engine_finding({warm.SWITCH: switch})
    assert expected in finding.value
    assert warm.SWITCH in finding.value

"""Checks of NVIDIA GPUs: the driver, permissions, MIG and CUDA's Python packages."""

import importlib
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from mnist_tui.cli.doctor.findings import Finding, Level
from mnist_tui.engine.hardware.nvidia import VISIBLE, visible_gpus

DEVICE_FILES = Path("/dev")
PCI_DEVICES = Path("/sys/bus/pci/devices")
NVIDIA_VENDOR = "0x10de"
CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))
CUDA_WHEELS = "nvidia-cudnn"
"""Beginning of the name of a package that comes with pip install 'mnist-tui[gpu]' and with JAX for CUDA."""


def gpu_findings(nvml: Any = None) -> Iterator[Finding]:
    """Yield the GPUs that runs can use, or why there are none.

    Args:
        nvml: The module pynvml or a substitute; None: import it.
    """
    try:
        nvml = nvml or importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception as error:  # no module or no driver; NVMLError exists only if the module does
        yield missing_driver(error)
        return
    yield Finding("driver", f"NVIDIA {_text(nvml.nvmlSystemGetDriverVersion())}")
    gpus = visible_gpus(nvml)
    if not gpus:
        hidden = (
            f"{VISIBLE}={os.environ[VISIBLE]} hides all GPUs" if VISIBLE in os.environ else "the driver sees no GPU"
        )
        yield Finding("GPU", hidden, Level.NOTE, f"Unset {VISIBLE}." if VISIBLE in os.environ else "Run nvidia-smi.")
    for number, gpu in enumerate(gpus):
        yield Finding(f"gpu:{number}", f"{gpu.name}{_mig(nvml, gpu.key)}")
    for path in sorted(DEVICE_FILES.glob("nvidia[0-9]*")):
        if not os.access(path, os.R_OK | os.W_OK):
            yield Finding(
                str(path), "permission denied", Level.PROBLEM, "Ask the administrator for access, as to group video."
            )
    wheels = [name for each in metadata.distributions() if (name := each.name or "").startswith(CUDA_WHEELS)]
    if gpus and not wheels:
        yield Finding(
            "CUDA packages",
            "not installed",
            Level.PROBLEM,
            "Run pip install 'mnist-tui[gpu]' for TensorFlow, or pip install 'jax[cuda12]' for JAX.",
        )
    elif wheels:
        yield Finding("CUDA packages", ", ".join(sorted(set(wheels))))


def missing_driver(error: Exception) -> Finding:
    """Return why there is no driver, as far as the machine shows it."""
    if not any(_vendor(device) == NVIDIA_VENDOR for device in PCI_DEVICES.glob("*")):
        return Finding("GPU", "no NVIDIA GPU in this machine: runs train on the CPU")
    if any(path.exists() for path in CONTAINER_FILES):
        fix = "Start the container with --gpus all, and install the NVIDIA container toolkit on its host."
    else:
        fix = "Install NVIDIA's driver, and restart the machine if it was updated."
    return Finding("GPU", f"there is one, but its driver does not answer ({error})", Level.NOTE, fix)


def _vendor(device: Path) -> str:
    try:
        is_display = (device / "class").read_text().startswith("0x03")
        return (device / "vendor").read_text().strip() if is_display else ""
    except OSError:
        return ""


def _mig(nvml: Any, key: str) -> str:
    try:
        current, _ = nvml.nvmlDeviceGetMigMode(nvml.nvmlDeviceGetHandleByIndex(int(key)))
    except Exception:  # no MIG on this GPU, or it is a MIG instance itself
        return ""
    return f", MIG is on: select an instance with {VISIBLE}=MIG-…" if current else ""


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value

"""Selected GPUs, bfloat16 support and process priority, all known before a backend is imported.

backends/runtime.py has what is known after.
"""

import contextlib
import hashlib
import os
import platform
from pathlib import Path

import psutil

from mnist_tui.config import AUTO, ConfigError, DeviceChoice
from mnist_tui.engine.hardware import nvidia
from mnist_tui.engine.hardware.plan import Gpu, Machine, Plan
from mnist_tui.events import Hardware

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
"""CPU flags; a CPU with neither emulates bfloat16."""
ONEDNN_SWITCH, ONEDNN_OFF = "TF_ENABLE_ONEDNN_OPTS", {"0", "false"}
ISA_LIMITS, NO_LIMIT = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"), {"", "default", "all"}
"""Variables that limit the instructions that oneDNN uses. If they exclude AVX-512, bfloat16 crashes TensorFlow 2.21."""
NICENESS = 5
"""Niceness of the engine, so that the UI stays responsive while training keeps all cores busy."""
AUTOGROUP = Path("/proc/self/autogroup")
"""Niceness of a session on Linux. Cores are first shared among sessions; a process' own niceness counts within one."""
CPU_INFO = Path("/proc/cpuinfo")
JAX_PLATFORMS = "JAX_PLATFORMS"
"""Variable with the platforms that JAX may use, such as cpu or cuda."""


def restrict_gpus(device: str) -> None:
    """Hide all GPUs but the selected ones from the backend, which would reserve memory on every GPU it sees.

    Call it before the backend is imported. "auto" selects the first GPU. Raises ConfigError.
    """
    gpus, on_cpu = select_gpus(device), DeviceChoice.parse(device).kind == "cpu"
    if gpus or on_cpu:
        nvidia.set_visible_gpus(gpus)
    if on_cpu:
        os.environ[JAX_PLATFORMS] = "cpu"


def job_device(device: str) -> str:
    """Return the device for a job about a finished run, whose GPUs this machine may not have."""
    return device if DeviceChoice.parse(device).kind == "cpu" else AUTO


def select_gpus(device: str) -> tuple[Gpu, ...]:
    """Return the GPUs that a setting selects of those that the driver knows; raises ConfigError if one is missing."""
    choice = DeviceChoice.parse(device)
    gpus = () if choice.kind == "cpu" else nvidia.visible_gpus()
    if choice.kind != "gpu":
        return gpus[:1]
    if not gpus:
        raise ConfigError(f"device {device!r} cannot be used: no NVIDIA GPU or driver is here; give --device cpu")
    wanted = choice.numbers or (0,)
    if max(wanted) >= len(gpus):
        known = f"gpu:0 to gpu:{len(gpus) - 1}" if len(gpus) > 1 else "only gpu:0"
        raise ConfigError(f"device {device!r} cannot be used: there is no GPU {max(wanted)}; there is {known}")
    return tuple(gpus[number] for number in wanted)


def cpu_kind() -> str:
    """Return a name of this machine's kind of CPU: programs that are compiled for another one may crash here."""
    return hashlib.sha256(f"{platform.machine()} {_cpu_flags()}".encode()).hexdigest()[:8]


def _cpu_flags() -> str:
    try:
        return next((line for line in CPU_INFO.read_text().splitlines() if line.startswith("flags")), "")
    except OSError:  # not Linux
        return ""


def has_bfloat16() -> bool:
    """Return True if this CPU has units for bfloat16, and oneDNN, which uses them, is neither off nor limited.

    Only a measurement shows whether they are fast: see `Backend.has_fast_bfloat16`.
    """
    flags = _cpu_flags()
    is_off = os.environ.get(ONEDNN_SWITCH, "").lower() in ONEDNN_OFF
    is_limited = any(os.environ.get(name, "").lower() not in NO_LIMIT for name in ISA_LIMITS)
    return bool(BFLOAT16_FLAGS & set(flags.split())) and not is_off and not is_limited


def lower_priority() -> None:
    """Lower the priority of this process and, on Linux, of the session that it leads."""
    os.nice(NICENESS)
    if os.getsid(0) != os.getpid():
        return  # the session is the user's shell
    with contextlib.suppress(OSError):  # not Linux, or not permitted
        AUTOGROUP.write_text(str(NICENESS))


def usable_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe_hardware(plan: Plan, machine: Machine, processes: int = 1) -> Hardware:
    """Describe the devices, the precision unless it is float32, and the size of the machine."""
    cores = usable_cores()
    device = machine.gpus[0].name if machine.gpus else f"{cores} CPU core{'s' if cores > 1 else ''}"
    if plan.count > 1:
        device = f"{plan.count} × {device}" if plan.on_gpu else f"{device} as {plan.count} devices"
    if plan.precision != "float32":
        device += f", {plan.precision}"
    if processes > 1:
        device = f"{processes} processes, each on {device}"
    return Hardware(device=device, cpu_count=cores, memory_bytes=psutil.virtual_memory().total)

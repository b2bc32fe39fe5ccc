"""The machine's devices before a backend is imported: the chosen GPUs, bfloat16 support, process priority."""

import contextlib
import os
from pathlib import Path

import psutil

from mnist_tui.config import AUTO, ConfigError, DeviceChoice, RunConfig
from mnist_tui.engine.hardware import nvidia
from mnist_tui.engine.hardware.plan import BFLOAT16_FLAGS, Gpu, Machine, Plan, plan
from mnist_tui.events import Hardware

NICENESS = 5
"""The screen is answered first on a machine whose cores are all busy training."""
AUTOGROUP = Path("/proc/self/autogroup")
"""Linux may share the cores out among sessions first: a niceness within the engine's own says nothing to the screen."""
CPU_INFO = Path("/proc/cpuinfo")


def plan_before_import(config: RunConfig) -> Plan:
    """The plan as far as the driver knows; imports no backend.

    Raises ConfigError for what this machine cannot do.
    """
    return plan(config, Machine(select_gpus(config.device), has_bfloat16()))


def restrict_gpus(device: str) -> None:
    """Before a backend is imported: show it the chosen GPUs alone. Raises ConfigError.

    A backend makes itself at home on every GPU that it sees, which a shared box has better uses for: "auto" takes one.
    """
    gpus = select_gpus(device)
    if gpus or DeviceChoice.parse(device).kind == "cpu":
        nvidia.set_visible_gpus(gpus)


def job_device(device: str) -> str:
    """Where to compute for a run of this device that is over, and may be on another machine now."""
    return device if DeviceChoice.parse(device).kind == "cpu" else AUTO


def select_gpus(device: str) -> tuple[Gpu, ...]:
    """Of the GPUs that the driver knows."""
    choice = DeviceChoice.parse(device)
    gpus = () if choice.kind == "cpu" else nvidia.visible_gpus()
    if choice.kind != "gpu":
        return gpus[:1]
    if not gpus:
        raise ConfigError(f"device {device!r} cannot be used: no NVIDIA GPU or driver is here; give --device cpu")
    wanted = choice.numbers or (0,)
    if max(wanted) >= len(gpus):
        known = f"gpu:0 to gpu:{len(gpus) - 1}" if len(gpus) > 1 else "gpu:0 alone"
        raise ConfigError(f"device {device!r} cannot be used: there is no GPU {max(wanted)}; there is {known}")
    return tuple(gpus[number] for number in wanted)


def has_bfloat16() -> bool:
    """Whether this CPU computes bfloat16 in hardware, through oneDNN."""
    try:
        flags = next((line for line in CPU_INFO.read_text().splitlines() if line.startswith("flags")), "")
    except OSError:  # no Linux
        return False
    return bool(BFLOAT16_FLAGS & set(flags.split())) and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"


def lower_priority() -> None:
    """Lower the priority of this process and, where sessions have one (Linux), of the session that it leads."""
    os.nice(NICENESS)
    if os.getsid(0) != os.getpid():
        return  # the session is somebody's shell
    with contextlib.suppress(OSError):  # another system, or a session that may not say so now
        AUTOGROUP.write_text(str(NICENESS))


def describe_hardware(plan: Plan, machine: Machine, processes: int = 1) -> Hardware:
    """The devices in words, with the precision where it is not the usual one, and the machine's size."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    device = machine.gpus[0].name if machine.gpus else f"{cores} CPU core{'s' if cores > 1 else ''}"
    if plan.count > 1:
        device = f"{plan.count} × {device}" if plan.on_gpu else f"{device} as {plan.count} devices"
    if plan.precision != "float32":
        device += f", {plan.precision}"
    if processes > 1:
        device = f"{processes} processes, each on {device}"
    return Hardware(device=device, cpu_count=cores, memory_bytes=psutil.virtual_memory().total)

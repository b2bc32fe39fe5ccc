"""What the run computes on, and how: one Plan, chosen here alone. What only one backend of Keras has is in backends/.

Whatever the settings leave "auto" is chosen by what was measured. On a CPU (2 cores of an AMD EPYC with AVX-512 and
avx512_bf16, TensorFlow 2.21), times as fast as the default in CPU seconds a step, medians of 1 to 5 runs (`best` with
one tower):

    choice                     fast   best   reference
    bfloat16                   1.4    1.5    1.9         see BFLOAT16_CHANNELS
    XLA (jit)                  0.26   0.58   0.22
    oneDNN off                 0.5    -      0.55        TensorFlow's own default on x86 without AVX-512
    1 thread instead of 2      1.15   -      1.03        but then a core stands idle
    4 steps an execution       1.08   -      -           not worth three of four points of every curve
    pixels as float32          0.95   -      -           so they stay uint8
    gathered from one tensor   0.98   -      -           so they are sliced
    float16                    0.17   -      -           computed in software: refused

On a GPU (one NVIDIA H200, JAX 0.11) steps an execution were measured, and that bfloat16 makes `reference` no faster
than float32, which multiplies as TF32 there. The other choices say what they rest on.
"""

import contextlib
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import psutil

from mnist_tui.config import AUTO, ConfigError, DeviceChoice, RunConfig
from mnist_tui.engine import backends, nvidia
from mnist_tui.engine.nvidia import Gpu
from mnist_tui.events import Hardware

NICENESS = 5
"""The screen is answered first on a machine whose cores are all busy training."""
AUTOGROUP = Path("/proc/self/autogroup")
"""Linux may share the cores out among sessions first: a niceness within the engine's own says nothing to the screen."""
MEASURED, JAX, TORCH = "tensorflow", "jax", "torch"
"""Backends; the first is the one whose choices were measured, on the others Keras' own stand."""
CPU_INFO = Path("/proc/cpuinfo")
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
"""With neither, a CPU computes bfloat16 in software."""
BFLOAT16_CHANNELS = 16
"""Of the narrowest feature map, from which on bfloat16 is taken on such a CPU: none that is narrower was measured.

It costs `fast` 0.04 (standard error 0.02) of its 99.40 % test accuracy, five seeds each trained both ways, for 0.8 of
its 5.7 seconds; `reference` and `best` nothing that could be seen."""
GPU_STEPS_PER_EXECUTION = 64
"""On an H200, JAX: `reference` at 16 and 32 takes 117,000 images/s within its executions, at 64 149,000, step by step
37,000; at 64 in one CUDA graph (see backends/jax_loop.py) 171,000. Pause, stop and questions wait for an execution:
48 ms there. On TensorFlow an estimate."""
CAPABILITIES = {"float16": (7, 0), "bfloat16": (8, 0)}
"""NVIDIA's compute capability from which on the multipliers have that precision."""


@dataclass(frozen=True)
class Machine:
    """What a run can have: the GPUs that were chosen for it, in their order, and whether the CPU knows bfloat16."""

    gpus: tuple[Gpu, ...]
    has_bfloat16: bool


@dataclass(frozen=True)
class Plan:
    """How a run computes. Several devices share every batch evenly."""

    on_gpu: bool
    count: int = 1
    precision: str = "float32"
    jit: bool = False
    steps_per_execution: int = 1
    threads: int | None = None
    """Of one operation on a CPU; None: as many as there are cores."""

    @property
    def policy(self) -> str:
        """Keras' name of the precision: weights and sums stay float32."""
        return self.precision if self.precision == "float32" else f"mixed_{self.precision}"


def plan(config: RunConfig, machine: Machine, channels: Sequence[int] = (), processes: int = 1) -> Plan:
    """Choose what the settings leave open; raises ConfigError for what the machine cannot do.

    `channels` are those of the network's convolutions. The batch size is the whole batch's however many devices
    share it, and so the learning rate stays what it is.
    """
    count = DeviceChoice.parse(config.device).count
    _check_backend(config, count)
    if config.batch_size % count:
        raise ConfigError(
            f"batch_size {config.batch_size:,} cannot be shared evenly by {count} devices: give a multiple of {count}"
        )
    # Neither XLA nor Keras' loop over steps goes with a strategy: the latter ends in a graph error (Keras 3.15.1)
    one_gpu = bool(machine.gpus) and count == 1 and processes == 1
    is_measured = config.backend == MEASURED
    jit, steps, threads = config.jit == "on", config.steps_per_execution, config.threads
    if config.jit == AUTO:
        jit = one_gpu if is_measured else config.backend == JAX
    if not isinstance(steps, int):
        steps = GPU_STEPS_PER_EXECUTION if one_gpu and config.backend != TORCH else 1
    if count > 1 and jit:
        raise ConfigError("jit 'on' cannot be used with several devices: give off, or one device")
    if count > 1 and steps > 1:
        raise ConfigError(f"steps_per_execution {steps} cannot be used with several devices: give 1, or one device")
    if processes > 1 and steps > 1:
        raise ConfigError(f"steps_per_execution {steps} cannot be used by several processes: give 1")
    return Plan(
        on_gpu=bool(machine.gpus),
        count=count,
        precision=_precision(config, machine, channels),
        jit=jit,
        steps_per_execution=steps,
        threads=threads if isinstance(threads, int) else None,
    )


def _check_backend(config: RunConfig, count: int) -> None:
    """Whether what is asked for is something that Keras does on this backend."""
    refused = {
        "several devices": count > 1 and config.backend != MEASURED,
        f"steps_per_execution {config.steps_per_execution}": config.backend == TORCH
        and config.steps_per_execution not in (AUTO, 1),
        f"threads {config.threads}": config.backend == JAX and config.threads != AUTO,
    }
    for what, is_refused in refused.items():
        if is_refused:
            raise ConfigError(f"{what} cannot be had with backend {config.backend!r}: give --backend {MEASURED}")


def _precision(config: RunConfig, machine: Machine, channels: Sequence[int]) -> str:
    wanted = config.precision
    if wanted == AUTO:
        fits = bool(channels) and min(channels) >= BFLOAT16_CHANNELS
        pays = fits and not machine.gpus and machine.has_bfloat16 and config.backend == MEASURED
        return "bfloat16" if pays else "float32"
    if wanted == "float32":
        return wanted
    if not machine.gpus:
        if wanted == "float16":
            raise ConfigError("precision 'float16' cannot be used on a CPU: give float32, or bfloat16 where it is fast")
        if not machine.has_bfloat16:
            flags = " nor ".join(sorted(BFLOAT16_FLAGS))
            raise ConfigError(f"precision 'bfloat16' cannot be used: this CPU has neither {flags}; give float32")
    for gpu in machine.gpus:
        least = CAPABILITIES[wanted]
        if gpu.capability is not None and gpu.capability < least:
            has, needs = (".".join(map(str, version)) for version in (gpu.capability, least))
            raise ConfigError(
                f"precision {wanted!r} cannot be used: {gpu.name} has compute capability {has}, it takes {needs};"
                " give float32"
            )
    return wanted


def foresee(config: RunConfig) -> Plan:
    """The plan as far as the driver knows; imports no backend.

    Raises ConfigError for what this machine cannot do.
    """
    return plan(config, Machine(_chosen(config.device), has_bfloat16()))


def choose(device: str) -> None:
    """Before a backend is imported: show it the chosen GPUs alone. Raises ConfigError.

    A backend makes itself at home on every GPU that it sees, which a shared box has better uses for: "auto" takes one.
    """
    gpus = _chosen(device)
    if gpus or DeviceChoice.parse(device).kind == "cpu":
        nvidia.show_only(gpus)


def find(device: str) -> Machine:
    """After the import: what the backend itself sees; raises ConfigError when that is less than was chosen."""
    choice = DeviceChoice.parse(device)
    gpus = () if choice.kind == "cpu" else backends.current().gpus()[: choice.count]
    if choice.kind == "gpu" and len(gpus) < choice.count:
        raise ConfigError(f"device {device!r} cannot be used: Keras sees {len(gpus)} of {choice.count} GPUs: {_mend()}")
    return Machine(gpus, has_bfloat16())


def idle_gpu(device: str, machine: Machine) -> str | None:
    """A sentence with the mend where the driver knows a GPU that the settings would take, and the backend does not."""
    known = () if machine.gpus else _chosen(device)
    if not known:
        return None
    return f"trains on the CPU, as Keras does not see the {known[0].name}: {_mend()}"


def _mend() -> str:
    import keras

    return f"pip install '{backends.BACKENDS[keras.backend.backend()].for_gpus}', or give --device cpu"


def job_device(device: str) -> str:
    """Where to compute for a run of this device that is over, and may be on another machine now."""
    return device if DeviceChoice.parse(device).kind == "cpu" else AUTO


def plan_job(config: RunConfig) -> Plan:
    """For a job about a run: one device in the usual precision, step by step."""
    machine = find(job_device(config.device))
    usual = {"device": AUTO, "precision": "float32", "jit": AUTO, "steps_per_execution": 1}
    return plan(msgspec.structs.replace(config, **usual), machine)


def shortage(error: Exception, batch_size: int) -> str | None:
    """A sentence with the mend for a device that had too little memory; None for any other error."""
    is_keras_there = "keras" in sys.modules
    if not (isinstance(error, MemoryError) or (is_keras_there and backends.current().is_out_of_memory(error))):
        return None
    mend = f"start again with --batch-size {batch_size // 2}" if batch_size > 1 else "free some"
    return f"out of memory at {batch_size:,} digits a step: {mend}, or with a --device that has more to spare"


def _chosen(device: str) -> tuple[Gpu, ...]:
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


def yield_to_the_screen() -> None:
    """Lower the priority of this process and, where sessions have one (Linux), of the session that it leads."""
    os.nice(NICENESS)
    if os.getsid(0) != os.getpid():
        return  # the session is somebody's shell
    with contextlib.suppress(OSError):  # another system, or a session that may not say so now
        AUTOGROUP.write_text(str(NICENESS))


def hardware(plan: Plan, machine: Machine, processes: int = 1) -> Hardware:
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


def versions() -> dict[str, str]:
    """What a figure depends on beside the settings."""
    import keras

    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        **backends.current().versions(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }

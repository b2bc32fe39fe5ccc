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

from collections.abc import Sequence
from dataclasses import dataclass

from mnist_tui.config import AUTO, ConfigError, DeviceChoice, RunConfig

MEASURED, JAX, TORCH = "tensorflow", "jax", "torch"
"""Backends; the first is the one whose choices were measured, on the others Keras' own stand."""
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
class Gpu:
    """A GPU: its name, its compute capability if known, and its key in CUDA_VISIBLE_DEVICES."""

    name: str
    capability: tuple[int, int] | None = None
    key: str = ""


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

"""Planning: choose how a run computes, from its settings, its backend and the machine.

Settings that are "auto" follow measurements on 2 cores of an AMD EPYC with AVX-512 and avx512_bf16 (TensorFlow) and on
an NVIDIA H200 (JAX); see tests/bench/README.md. Importing this module imports no backend.
"""

from collections.abc import Sequence

from mnist_tui.config import AUTO, ConfigError, DeviceChoice, RunConfig
from mnist_tui.engine.backends import BACKENDS
from mnist_tui.engine.hardware.detection import BFLOAT16_FLAGS, ISA_LIMITS, ONEDNN_SWITCH, has_bfloat16, select_gpus
from mnist_tui.engine.hardware.plan import Machine, Plan

BFLOAT16_CHANNELS = 16
"""Channels of the narrowest feature map from which on "auto" takes bfloat16; narrower ones were not measured."""
GPU_STEPS_PER_EXECUTION = 64
"""`reference` trains at 149,000 images/s on an H200 (JAX), at 37,000 with single steps. Pausing waits 48 ms for it."""
CAPABILITIES = {"float16": (7, 0), "bfloat16": (8, 0)}
"""Lowest NVIDIA compute capability that multiplies in that precision."""


def plan(config: RunConfig, machine: Machine, channels: Sequence[int] = (), processes: int = 1) -> Plan:
    """Choose what the settings leave open.

    Args:
        config: Settings. The batch size is that of all devices together, and so is the learning rate.
        machine: Devices that the run may use.
        channels: Number of channels of each convolution.
        processes: Processes that train together.

    Raises:
        ConfigError: The backend or the machine does not support what the settings ask for.
    """
    backend, count = BACKENDS[config.backend], DeviceChoice.parse(config.device).count
    _check_support(config, count)
    if config.batch_size % count:
        raise ConfigError(
            f"batch_size {config.batch_size:,} cannot be shared evenly by {count} devices: give a multiple of {count}"
        )
    # a distribution strategy supports neither XLA nor Keras' loop over steps, which fails in the graph (Keras 3.15.1)
    one_gpu = bool(machine.gpus) and count == 1 and processes == 1
    jit, steps, threads = config.jit_compile == "on", config.steps_per_execution, config.threads
    if config.jit_compile == AUTO:
        jit = backend.jit == "always" or (backend.jit == "one GPU" and one_gpu)
    if not isinstance(steps, int):
        steps = GPU_STEPS_PER_EXECUTION if one_gpu and backend.has_steps_per_execution else 1
    if count > 1 and jit:
        raise ConfigError("jit_compile 'on' cannot be used with several devices: give off, or one device")
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


def plan_before_import(config: RunConfig) -> Plan:
    """Plan a run as far as the GPU driver's information goes; raises ConfigError for what this machine cannot do."""
    return plan(config, Machine(select_gpus(config.device), has_bfloat16()))


def _check_support(config: RunConfig, count: int) -> None:
    backend = BACKENDS[config.backend]
    unsupported = {
        "several devices": count > 1 and not backend.has_several_devices,
        f"steps_per_execution {config.steps_per_execution}": config.steps_per_execution not in (AUTO, 1)
        and not backend.has_steps_per_execution,
        f"threads {config.threads}": config.threads != AUTO and not backend.has_threads,
    }
    for setting, is_unsupported in unsupported.items():
        if is_unsupported:
            raise ConfigError(f"{setting} cannot be used with backend {config.backend!r}: give --backend tensorflow")


def _precision(config: RunConfig, machine: Machine, channels: Sequence[int]) -> str:
    wanted = config.precision
    if wanted == AUTO:
        is_wide = bool(channels) and min(channels) >= BFLOAT16_CHANNELS
        is_faster = not machine.gpus and machine.has_bfloat16 and BACKENDS[config.backend].prefers_bfloat16
        return "bfloat16" if is_wide and is_faster else "float32"
    if wanted == "float32":
        return wanted
    if not machine.gpus and wanted == "float16":
        raise ConfigError("precision 'float16' cannot be used on a CPU: give float32, or bfloat16 where it is fast")
    if not machine.gpus and not machine.has_bfloat16:
        flags, variables = " nor ".join(sorted(BFLOAT16_FLAGS)), " or ".join((ONEDNN_SWITCH, *ISA_LIMITS[:1]))
        raise ConfigError(
            f"precision 'bfloat16' cannot be used: this CPU has neither {flags}, or {variables} turns them off;"
            " give float32"
        )
    least = CAPABILITIES[wanted]
    for gpu in machine.gpus:
        if gpu.capability is not None and gpu.capability < least:
            has, needs = (".".join(map(str, version)) for version in (gpu.capability, least))
            raise ConfigError(
                f"precision {wanted!r} cannot be used: {gpu.name} has compute capability {has}, it takes {needs};"
                " give float32"
            )
    return wanted

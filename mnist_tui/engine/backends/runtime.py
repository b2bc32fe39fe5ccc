"""Devices, versions and out-of-memory errors of the backend, known only after it has been imported.

hardware/detection.py has what is known before.
"""

import os
import platform
import sys
from dataclasses import replace

import msgspec
import numpy as np

from mnist_tui.config import AUTO, ConfigError, DeviceChoice, RunConfig
from mnist_tui.engine import backends
from mnist_tui.engine.backends.planning import plan
from mnist_tui.engine.hardware.detection import JAX_PLATFORMS, has_bfloat16, job_device, select_gpus
from mnist_tui.engine.hardware.plan import Machine, Plan


def detect_machine(device: str) -> Machine:
    """Return the devices that the backend sees; raises ConfigError if they are fewer than the setting asks for."""
    choice = DeviceChoice.parse(device)
    gpus = () if choice.kind == "cpu" else backends.current().gpus()[: choice.count]
    if choice.kind == "gpu" and len(gpus) < choice.count:
        raise ConfigError(f"device {device!r} cannot be used: Keras sees {len(gpus)} of {choice.count} GPUs: {_fix()}")
    return Machine(gpus, has_bfloat16())


def prepare_machine(config: RunConfig) -> Machine:
    """Detect the devices of a run and prepare the backend for them; raises ConfigError."""
    machine, backend = detect_machine(config.device), backends.current()
    backend.prepare(plan(config, machine))
    is_measured = machine.has_bfloat16 and not machine.gpus and config.precision in (AUTO, "bfloat16")
    return replace(machine, has_bfloat16=False) if is_measured and not backend.has_fast_bfloat16() else machine


def unused_gpu_warning(device: str, machine: Machine) -> str | None:
    """Return a sentence if the driver knows a GPU for this setting that the backend does not see."""
    known = () if machine.gpus else select_gpus(device)
    if not known:
        return None
    return f"trains on the CPU, as Keras does not see the {known[0].name}: {_fix()}"


def _fix() -> str:
    import keras

    name = keras.backend.backend()
    if name == "jax" and os.environ.get(JAX_PLATFORMS):
        return f"unset {JAX_PLATFORMS}, which is {os.environ[JAX_PLATFORMS]!r}, or give --device cpu"
    return f"pip install '{backends.BACKENDS[name].gpu_package}', or give --device cpu"


def plan_job(config: RunConfig) -> Plan:
    """Plan a job about a finished run: one device, float32, single steps."""
    simple = {"device": AUTO, "precision": "float32", "jit_compile": AUTO, "steps_per_execution": 1}
    return plan(msgspec.structs.replace(config, **simple), detect_machine(job_device(config.device)))


def out_of_memory_message(error: Exception, batch_size: int) -> str | None:
    """Return a sentence with the fix if a device ran out of memory; None for any other error."""
    is_imported = "keras" in sys.modules
    if not (isinstance(error, MemoryError) or (is_imported and backends.current().is_out_of_memory(error))):
        return None
    fix = f"start again with --batch-size {batch_size // 2}" if batch_size > 1 else "free some"
    return f"out of memory at batch size {batch_size:,}: {fix}, or with a --device that has more memory"


def versions() -> dict[str, str]:
    """Return the versions of all packages that results depend on."""
    import keras

    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        **backends.current().versions(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }

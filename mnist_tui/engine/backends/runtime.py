"""The devices that the imported backend sees, and the versions and errors that depend on it."""

import platform
import sys

import msgspec
import numpy as np

from mnist_tui.config import AUTO, ConfigError, DeviceChoice, RunConfig
from mnist_tui.engine import backends
from mnist_tui.engine.hardware.detection import has_bfloat16, job_device, select_gpus
from mnist_tui.engine.hardware.plan import Machine, Plan, plan


def detect_machine(device: str) -> Machine:
    """After the import: what the backend itself sees; raises ConfigError when that is less than was chosen."""
    choice = DeviceChoice.parse(device)
    gpus = () if choice.kind == "cpu" else backends.current().gpus()[: choice.count]
    if choice.kind == "gpu" and len(gpus) < choice.count:
        raise ConfigError(f"device {device!r} cannot be used: Keras sees {len(gpus)} of {choice.count} GPUs: {_mend()}")
    return Machine(gpus, has_bfloat16())


def unused_gpu_warning(device: str, machine: Machine) -> str | None:
    """A sentence with the mend where the driver knows a GPU that the settings would take, and the backend does not."""
    known = () if machine.gpus else select_gpus(device)
    if not known:
        return None
    return f"trains on the CPU, as Keras does not see the {known[0].name}: {_mend()}"


def _mend() -> str:
    import keras

    return f"pip install '{backends.BACKENDS[keras.backend.backend()].gpu_package}', or give --device cpu"


def plan_job(config: RunConfig) -> Plan:
    """For a job about a run: one device in the usual precision, step by step."""
    machine = detect_machine(job_device(config.device))
    usual = {"device": AUTO, "precision": "float32", "jit": AUTO, "steps_per_execution": 1}
    return plan(msgspec.structs.replace(config, **usual), machine)


def out_of_memory_message(error: Exception, batch_size: int) -> str | None:
    """A sentence with the mend for a device that had too little memory; None for any other error."""
    is_keras_there = "keras" in sys.modules
    if not (isinstance(error, MemoryError) or (is_keras_there and backends.current().is_out_of_memory(error))):
        return None
    mend = f"start again with --batch-size {batch_size // 2}" if batch_size > 1 else "free some"
    return f"out of memory at {batch_size:,} digits a step: {mend}, or with a --device that has more to spare"


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

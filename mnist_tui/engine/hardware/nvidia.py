"""NVIDIA GPUs as the driver reports them, within milliseconds and before any backend is imported."""

import importlib
import os
from typing import Any

from mnist_tui.engine.hardware.plan import Gpu

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Environment variable with the numbers or UUIDs of the GPUs that CUDA shows to a process."""
ORDER = "CUDA_DEVICE_ORDER"


def visible_gpus(nvml: Any = None) -> tuple[Gpu, ...]:
    """Return the GPUs that CUDA would show to this process, in CUDA's order; none without a driver.

    Args:
        nvml: The module pynvml or a substitute; None: import it.
    """
    try:
        nvml = nvml or importlib.import_module("pynvml")
        nvml.nvmlInit()
        keys = [str(number) for number in range(nvml.nvmlDeviceGetCount())]
    except Exception:  # no module or no driver; NVMLError exists only if the module does
        return ()
    if VISIBLE in os.environ:
        keys = os.environ[VISIBLE].split(",")
    found = []
    for key in map(str.strip, keys):
        try:
            is_number = key.removeprefix("-").isdecimal()
            handle = nvml.nvmlDeviceGetHandleByIndex(int(key)) if is_number else nvml.nvmlDeviceGetHandleByUUID(key)
            name = nvml.nvmlDeviceGetName(handle)
            capability = tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle))
        except Exception:
            break  # CUDA too ignores everything after an unknown key
        found.append(Gpu(name.decode() if isinstance(name, bytes) else str(name), capability, key))
    return tuple(found)


def set_visible_gpus(gpus: tuple[Gpu, ...]) -> None:
    """Show only these GPUs to CUDA in this process. Call it before a backend is imported."""
    # number GPUs as nvidia-smi and the driver do; by default CUDA puts the fastest first
    os.environ[ORDER] = "PCI_BUS_ID"
    os.environ[VISIBLE] = ",".join(gpu.key for gpu in gpus) or "-1"

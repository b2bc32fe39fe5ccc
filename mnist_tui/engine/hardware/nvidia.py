"""The GPUs of this machine, asked of the driver: known in milliseconds, before any backend is imported."""

import importlib
import os
from typing import Any

from mnist_tui.engine.hardware.plan import Gpu

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Environment variable: which GPUs CUDA shows to a process, by number or UUID."""
ORDER = "CUDA_DEVICE_ORDER"


def visible_gpus(nvml: Any = None) -> tuple[Gpu, ...]:
    """Those that CUDA would show to this process, in their order; none where there is no driver.

    `nvml` is the module pynvml, or what stands in for it.
    """
    try:
        nvml = nvml or importlib.import_module("pynvml")
        nvml.nvmlInit()
        keys = [str(number) for number in range(nvml.nvmlDeviceGetCount())]
    except Exception:  # no module, no driver: NVMLError and its kin exist only where the module does
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
            break  # as CUDA does: what comes after a name that it does not know is not shown
        found.append(Gpu(name.decode() if isinstance(name, bytes) else str(name), capability, key))
    return tuple(found)


def set_visible_gpus(gpus: tuple[Gpu, ...]) -> None:
    """Let CUDA show these alone to this process; before a backend is imported."""
    # numbers as nvidia-smi and the driver count; on its own CUDA counts the fastest one first
    os.environ[ORDER] = "PCI_BUS_ID"
    os.environ[VISIBLE] = ",".join(gpu.key for gpu in gpus) or "-1"

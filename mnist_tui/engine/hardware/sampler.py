"""Hardware sampler: CPU and memory by psutil, NVIDIA GPUs by NVML, in a thread of its own.

NVML supports fewer fields on some devices (a MIG device has no utilisation, a laptop no power); these are None.
"""

import importlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psutil

from mnist_tui.events import GpuSample, HardwareSampled

SAMPLE_SECONDS = 2.0
WATTS_PER_MILLIWATT = 1e-3


def sample_hardware(emit: Callable[[HardwareSampled], None], stop: threading.Event) -> None:
    """Emit a sample every SAMPLE_SECONDS until `stop` is set."""
    engine, gpus = psutil.Process(), GpuReader()
    engine.cpu_percent()
    psutil.cpu_percent()
    while not stop.wait(SAMPLE_SECONDS):
        emit(
            HardwareSampled(
                time=time.time(),
                engine_cpu=engine.cpu_percent(),
                engine_memory=engine.memory_info().rss,
                machine_cpu=psutil.cpu_percent(),
                machine_memory=psutil.virtual_memory().used,
                gpus=gpus.read(),
                gpu_note=gpus.note,
            )
        )


class GpuReader:
    """Reader of all GPUs that NVML reports. MIG devices are read in place of the GPU that they are part of."""

    def __init__(self, nvml: Any = None) -> None:
        """Take the module pynvml or a substitute; None: import it."""
        self.note = ""
        """Reason why there are no GPUs to read; empty if there are any."""
        self._devices: list[tuple[str, Any]] = []
        try:
            self._nvml = nvml or importlib.import_module("pynvml")
            self._nvml.nvmlInit()
            for number in range(self._nvml.nvmlDeviceGetCount()):
                self._devices += self._parts(self._nvml.nvmlDeviceGetHandleByIndex(number))
            if not self._devices:
                self.note = "no NVIDIA GPU"
        except ImportError:
            self.note = "GPUs cannot be read: nvidia-ml-py is not installed"
        except Exception as error:  # NVMLError exists only if the module does
            self.note = f"no NVIDIA GPU or driver ({error})"

    def read(self) -> tuple[GpuSample, ...]:
        """Sample all GPUs."""
        return tuple(self._sample(name, handle) for name, handle in self._devices)

    def _parts(self, handle: Any) -> list[tuple[str, Any]]:
        nvml, name = self._nvml, self._name(handle)
        mode = self._query(lambda: nvml.nvmlDeviceGetMigMode(handle)[0])
        if mode != nvml.NVML_DEVICE_MIG_ENABLE:
            return [(name, handle)]
        parts = []
        for number in range(self._query(lambda: nvml.nvmlDeviceGetMaxMigDeviceCount(handle)) or 0):
            part = self._query(partial(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number))
            if part is not None:
                parts.append((f"{name}, MIG device {number}", part))
        return parts or [(f"{name}, MIG without devices", handle)]

    def _name(self, handle: Any) -> str:
        name = self._query(lambda: self._nvml.nvmlDeviceGetName(handle)) or "NVIDIA GPU"
        return name.decode(errors="replace") if isinstance(name, bytes) else str(name)

    def _sample(self, name: str, handle: Any) -> GpuSample:
        nvml, query = self._nvml, self._query
        memory = query(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        power = query(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        return GpuSample(
            name=name,
            utilisation=query(lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            power=None if power is None else power * WATTS_PER_MILLIWATT,
            temperature=query(lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
            clock=query(lambda: float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))),
        )

    def _query(self, call: Callable[[], Any]) -> Any:
        """Return NVML's answer, or None if it does not support the query."""
        try:
            return call()
        except self._nvml.NVMLError:
            return None

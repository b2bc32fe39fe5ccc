"""What the machine is busy with, sampled in a thread of its own: CPU and memory by psutil, NVIDIA GPUs by NVML.

NVML refuses field by field (a MIG device has no utilisation, a laptop no power): what it refuses is None.
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
MILLI = 1e-3


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
    """Reads all GPUs that NVML shows, MIG devices in place of the GPU that they are part of."""

    def __init__(self, nvml: Any = None) -> None:
        """`nvml` is the module pynvml, or what stands in for it."""
        self.note = ""
        """Why there are no GPUs to read; empty when there are."""
        self._devices: list[tuple[str, Any]] = []
        try:
            self._nvml = nvml or importlib.import_module("pynvml")
            self._nvml.nvmlInit()
            for number in range(self._nvml.nvmlDeviceGetCount()):
                self._devices += self._parts(self._nvml.nvmlDeviceGetHandleByIndex(number))
            if not self._devices:
                self.note = "no NVIDIA GPU"
        except ImportError:
            self.note = "no GPU is read: nvidia-ml-py is not installed"
        except Exception as error:  # NVMLError and its kin, which exist only where the module does
            self.note = f"no NVIDIA GPU or driver ({error})"

    def read(self) -> tuple[GpuSample, ...]:
        """All of them now."""
        return tuple(self._sample(name, handle) for name, handle in self._devices)

    def _parts(self, handle: Any) -> list[tuple[str, Any]]:
        """A GPU, or the MIG devices that it is cut into."""
        nvml, name = self._nvml, self._name(handle)
        mode = self._ask(lambda: nvml.nvmlDeviceGetMigMode(handle)[0])
        if mode != nvml.NVML_DEVICE_MIG_ENABLE:
            return [(name, handle)]
        parts = []
        for number in range(self._ask(lambda: nvml.nvmlDeviceGetMaxMigDeviceCount(handle)) or 0):
            part = self._ask(partial(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number))
            if part is not None:
                parts.append((f"{name}, MIG device {number}", part))
        return parts or [(f"{name}, MIG without devices", handle)]

    def _name(self, handle: Any) -> str:
        name = self._ask(lambda: self._nvml.nvmlDeviceGetName(handle)) or "NVIDIA GPU"
        return name.decode(errors="replace") if isinstance(name, bytes) else str(name)

    def _sample(self, name: str, handle: Any) -> GpuSample:
        nvml, ask = self._nvml, self._ask
        memory = ask(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        power = ask(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        return GpuSample(
            name=name,
            utilisation=ask(lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            power=None if power is None else power * MILLI,
            temperature=ask(lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
            clock=ask(lambda: float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))),
        )

    def _ask(self, question: Callable[[], Any]) -> Any:
        """The answer, or None when NVML refuses."""
        try:
            return question()
        except self._nvml.NVMLError:
            return None

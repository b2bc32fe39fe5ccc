"""Hardware sampler: CPU and memory by psutil, NVIDIA GPUs by NVML, in a thread of its own.

NVML supports fewer fields on some devices (a MIG device has no utilisation, a laptop no power); these are None. The
energy of a GPU is that of the whole device, for all processes.
"""

import importlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import psutil

from mnist_tui.engine.hardware.energy import CpuEnergy
from mnist_tui.engine.hardware.nvidia import VISIBLE
from mnist_tui.events import GpuSample, HardwareSampled

SAMPLE_SECONDS = 2.0
WATTS_PER_MILLIWATT = JOULES_PER_MILLIJOULE = 1e-3


class HardwareSampler:
    """Sampler that emits the load of the machine every SAMPLE_SECONDS, and the energy since the sample before."""

    def __init__(self, emit: Callable[[HardwareSampled], None]) -> None:
        self._emit = emit
        self._engine, self._cpu = psutil.Process(), CpuEnergy()
        self._gpus: GpuReader | None = None
        self._sampling = threading.Lock()
        self._at = time.monotonic()
        self._newest: HardwareSampled | None = None

    def run(self, stop: threading.Event) -> None:
        """Sample until `stop` is set."""
        with self._sampling:
            self._gpus = GpuReader(visible=os.environ.get(VISIBLE))  # here, as NVML may take a second
            self._engine.cpu_percent()
            psutil.cpu_percent()
            self._cpu.joules()
            self._at = time.monotonic()
        while not stop.wait(SAMPLE_SECONDS):
            self.sample()

    def sample(self, *, load: bool = True) -> None:
        """Emit a sample now. Without `load`, repeat the load of the newest one, since a short time has none.

        So the energy of a run's last seconds is recorded.
        """
        with self._sampling:
            if self._gpus is None:
                return
            before, self._at = self._at, time.monotonic()
            seconds = self._at - before
            gpus, cpu_energy = self._gpus.read(seconds), self._cpu.joules()
            if load or self._newest is None:
                self._newest = HardwareSampled(
                    time=time.time(),
                    seconds=seconds,
                    cpu_energy=cpu_energy,
                    cpu_energy_note=self._cpu.note,
                    gpus=gpus,
                    gpu_note=self._gpus.note,
                    engine_cpu=self._engine.cpu_percent(),
                    engine_memory=self._engine.memory_info().rss,
                    machine_cpu=psutil.cpu_percent(),
                    machine_memory=psutil.virtual_memory().used,
                )
            else:
                self._newest = msgspec.structs.replace(
                    self._newest, time=time.time(), seconds=seconds, cpu_energy=cpu_energy, gpus=gpus
                )
            self._emit(self._newest)


@dataclass
class _Device:
    name: str
    handle: Any
    is_used: bool
    energy: float | None = None
    """Newest value of the energy counter in joules; None if there is none."""
    power: float | None = None
    """Newest power in watts."""


class GpuReader:
    """Reader of all GPUs that NVML reports. MIG devices are read in place of the GPU that they are part of."""

    def __init__(self, nvml: Any = None, visible: str | None = None) -> None:
        """Take the module pynvml or a substitute (None: import it), and the GPUs that CUDA shows (None: all)."""
        self.note = ""
        """Reason why there are no GPUs to read; empty if there are any."""
        self._visible = None if visible is None else [key.strip() for key in visible.split(",")]
        self._devices: list[_Device] = []
        try:
            self._nvml = nvml or importlib.import_module("pynvml")
            self._nvml.nvmlInit()
            for number in range(self._nvml.nvmlDeviceGetCount()):
                self._devices += self._parts(self._nvml.nvmlDeviceGetHandleByIndex(number), str(number))
            self.read(0.0)
            if not self._devices:
                self.note = "no NVIDIA GPU"
        except ImportError:
            self.note = "GPUs cannot be read: nvidia-ml-py is not installed"
        except Exception as error:  # NVMLError exists only if the module does
            self.note = f"no NVIDIA GPU or driver ({error})"

    def read(self, seconds: float = 0.0) -> tuple[GpuSample, ...]:
        """Sample all GPUs, `seconds` after the call before, or for the load alone."""
        return tuple(self._sample(device, seconds) for device in self._devices)

    def _parts(self, handle: Any, number: str) -> list[_Device]:
        nvml, name = self._nvml, self._name(handle)
        mode = self._query(lambda: nvml.nvmlDeviceGetMigMode(handle)[0])
        if mode != nvml.NVML_DEVICE_MIG_ENABLE:
            return [_Device(name, handle, self._is_visible(handle, number))]
        parts = []
        for place in range(self._query(lambda: nvml.nvmlDeviceGetMaxMigDeviceCount(handle)) or 0):
            part = self._query(partial(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place))
            if part is not None:
                parts.append(_Device(f"{name}, MIG device {place}", part, self._is_visible(part, number)))
        return parts or [_Device(f"{name}, MIG without devices", handle, is_used=False)]

    def _is_visible(self, handle: Any, number: str) -> bool:
        """Return True if CUDA shows a device to this process: by its number, or by the beginning of its UUID."""
        if self._visible is None or number in self._visible:
            return True
        uuid = self._query(lambda: self._nvml.nvmlDeviceGetUUID(handle)) or ""
        uuid = uuid.decode(errors="replace") if isinstance(uuid, bytes) else str(uuid)
        return any(uuid.startswith(key) for key in self._visible if key)

    def _name(self, handle: Any) -> str:
        name = self._query(lambda: self._nvml.nvmlDeviceGetName(handle)) or "NVIDIA GPU"
        return name.decode(errors="replace") if isinstance(name, bytes) else str(name)

    def _sample(self, device: _Device, seconds: float) -> GpuSample:
        nvml, query, handle = self._nvml, self._query, device.handle
        memory = query(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        milliwatts = query(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        power = None if milliwatts is None else milliwatts * WATTS_PER_MILLIWATT
        energy, is_estimated = self._energy(device, power, seconds)
        return GpuSample(
            name=device.name,
            utilisation=query(lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            power=power,
            temperature=query(lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
            clock=query(lambda: float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))),
            is_used=device.is_used,
            energy=energy,
            energy_is_estimated=is_estimated,
        )

    def _energy(self, device: _Device, power: float | None, seconds: float) -> tuple[float | None, bool]:
        """Return the joules since the sample before, and whether they are estimated: the counter came with Volta."""
        millijoules = self._query(lambda: self._nvml.nvmlDeviceGetTotalEnergyConsumption(device.handle))
        counter = None if millijoules is None else millijoules * JOULES_PER_MILLIJOULE
        (counter_before, device.energy), (power_before, device.power) = (device.energy, counter), (device.power, power)
        if counter is not None:  # which begins again at 0 with the driver
            is_known = counter_before is not None and counter >= counter_before
            return (counter - counter_before if is_known else None), False
        if power is None or power_before is None:
            return None, False
        return (power_before + power) / 2 * seconds, True

    def _query(self, call: Callable[[], Any]) -> Any:
        """Return NVML's answer, or None if it does not support the query."""
        try:
            return call()
        except self._nvml.NVMLError:
            return None

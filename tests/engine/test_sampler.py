"""Hardware samples, with a fake NVML."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from mnist_tui.engine.hardware import sampler
from mnist_tui.engine.hardware.sampler import GpuReader, sample_hardware
from mnist_tui.events import GpuSample, HardwareSampled


class NVMLError(Exception):
    """Stands in for pynvml's exception."""


class FakeNvml:
    """Stands in for the module pynvml. GPUs do not support the fields that their dict lacks."""

    NVMLError = NVMLError
    NVML_DEVICE_MIG_ENABLE = 1
    NVML_TEMPERATURE_GPU = 0
    NVML_CLOCK_SM = 1

    def __init__(self, *gpus: dict[str, Any], broken: bool = False) -> None:
        self._gpus = gpus
        self._broken = broken

    def nvmlInit(self) -> None:  # noqa: N802
        if self._broken:
            raise NVMLError("Driver Not Loaded")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> dict[str, Any]:  # noqa: N802
        return self._gpus[number]

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: dict[str, Any]) -> int:  # noqa: N802
        return 7 if "parts" in gpu else 0

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: dict[str, Any], number: int) -> Any:  # noqa: N802
        if number >= len(gpu["parts"]):
            raise NVMLError("Not Found")
        return gpu["parts"][number]

    def __getattr__(self, name: str) -> Any:
        fields = {
            "nvmlDeviceGetName": "name",
            "nvmlDeviceGetMigMode": "mig",
            "nvmlDeviceGetMemoryInfo": "memory",
            "nvmlDeviceGetPowerUsage": "power",
            "nvmlDeviceGetUtilizationRates": "utilisation",
            "nvmlDeviceGetTemperature": "temperature",
            "nvmlDeviceGetClockInfo": "clock",
        }
        if name not in fields:
            raise AttributeError(name)
        field = fields[name]

        def answer(gpu: dict[str, Any], *_: object) -> Any:
            if field not in gpu:
                raise NVMLError("Not Supported")
            return gpu[field]

        return answer


WHOLE = {
    "name": b"NVIDIA H100",
    "memory": SimpleNamespace(used=8 << 30, total=80 << 30),
    "power": 351_250,
    "utilisation": SimpleNamespace(gpu=97),
    "temperature": 61,
    "clock": 1980,
}


def test_a_gpu_is_sampled_in_plain_units() -> None:
    reader = GpuReader(FakeNvml(WHOLE))
    assert reader.note == ""
    assert reader.read() == (GpuSample("NVIDIA H100", 97.0, 8 << 30, 80 << 30, 351.25, 61.0, 1980.0),)


def test_an_unsupported_field_is_none_and_not_zero() -> None:
    (sample,) = GpuReader(FakeNvml({"name": "GeForce", "utilisation": SimpleNamespace(gpu=0)})).read()
    assert sample == GpuSample("GeForce", utilisation=0.0)
    assert sample.power is None


def test_mig_devices_replace_the_gpu_that_they_are_part_of() -> None:
    part = {"name": "part", "memory": SimpleNamespace(used=1 << 30, total=10 << 30)}
    samples = GpuReader(FakeNvml(WHOLE | {"mig": (1, 1), "parts": [part, part]}, WHOLE)).read()
    assert [sample.name for sample in samples] == [
        "NVIDIA H100, MIG device 0",
        "NVIDIA H100, MIG device 1",
        "NVIDIA H100",
    ]
    assert samples[0].utilisation is None
    assert samples[0].memory_total == 10 << 30


@pytest.mark.parametrize(
    ("nvml", "words"),
    [(FakeNvml(broken=True), "no NVIDIA GPU or driver (Driver Not Loaded)"), (FakeNvml(), "no NVIDIA GPU")],
)
def test_without_a_gpu_there_is_a_note(nvml: FakeNvml, words: str) -> None:
    reader = GpuReader(nvml)
    assert reader.read() == ()
    assert reader.note == words


def test_samples_are_emitted_until_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "SAMPLE_SECONDS", 0.01)
    stop, samples = threading.Event(), list[HardwareSampled]()

    def take(sample: HardwareSampled) -> None:
        samples.append(sample)
        if len(samples) == 3:
            stop.set()

    sample_hardware(take, stop)
    assert len(samples) == 3
    assert all(sample.engine_memory > 0 and sample.machine_memory > 0 for sample in samples)

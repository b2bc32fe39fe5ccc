"""Hardware samples, with a fake NVML."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from mnist_tui.engine.hardware import sampler
from mnist_tui.engine.hardware.sampler import GpuReader, HardwareSampler
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
            "nvmlDeviceGetTotalEnergyConsumption": "energy",
            "nvmlDeviceGetUUID": "uuid",
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
    (sample,) = reader.read(2.0)
    fields = ("NVIDIA H100", 97.0, 8 << 30, 80 << 30, 351.25, 61.0, 1980.0)
    assert sample == GpuSample(*fields, is_used=True, energy=702.5, energy_is_estimated=True)


def test_an_unsupported_field_is_none_and_not_zero() -> None:
    (sample,) = GpuReader(FakeNvml({"name": "GeForce", "utilisation": SimpleNamespace(gpu=0)})).read(2.0)
    assert sample == GpuSample("GeForce", utilisation=0.0, is_used=True)
    assert sample.power is None


def test_mig_devices_replace_the_gpu_that_they_are_part_of() -> None:
    part = {"name": "part", "memory": SimpleNamespace(used=1 << 30, total=10 << 30)}
    samples = GpuReader(FakeNvml(WHOLE | {"mig": (1, 1), "parts": [part, part]}, WHOLE)).read(2.0)
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
    assert reader.read(2.0) == ()
    assert reader.note == words


def test_samples_are_emitted_until_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "SAMPLE_SECONDS", 0.01)
    stop, samples = threading.Event(), list[HardwareSampled]()

    def take(sample: HardwareSampled) -> None:
        samples.append(sample)
        if len(samples) == 3:
            stop.set()

    HardwareSampler(take).run(stop)
    assert len(samples) == 3
    assert all(sample.engine_memory > 0 and sample.machine_memory > 0 for sample in samples)


def test_the_last_seconds_are_sampled_without_a_new_load() -> None:
    samples = list[HardwareSampled]()
    sampler = HardwareSampler(samples.append)
    sampler.sample()
    assert not samples  # nothing is open yet
    over = threading.Event()
    over.set()
    sampler.run(over)
    sampler.sample()
    sampler.sample(load=False)
    first, last = samples
    assert last.engine_cpu == first.engine_cpu
    assert 0 < last.seconds < first.seconds + last.seconds


@pytest.mark.parametrize(
    ("first", "second", "energy", "is_estimated"),
    [
        ({"energy": 5_000_000}, {"energy": 5_600_500}, 600.5, False),
        ({"energy": 5_000_000}, {"energy": 100}, None, False),  # the driver was loaded again
        ({"power": 100_000}, {"power": 300_000}, 400.0, True),
        ({"power": 100_000, "energy": 1}, {"power": 300_000}, 400.0, True),
        ({}, {"power": 300_000}, None, False),
        ({"power": 300_000}, {}, None, False),
    ],
    ids=["counter", "reset", "power", "lost counter", "late power", "lost power"],
)
def test_the_energy_of_a_gpu_between_two_samples(
    first: dict[str, int], second: dict[str, int], energy: float | None, is_estimated: bool
) -> None:
    gpu: dict[str, Any] = {"name": "GeForce", **first}
    reader = GpuReader(FakeNvml(gpu))
    gpu.clear()
    gpu.update({"name": "GeForce"} | second)
    (sample,) = reader.read(2.0)
    assert sample.energy == (None if energy is None else pytest.approx(energy))
    assert sample.energy_is_estimated == is_estimated


@pytest.mark.parametrize(
    ("visible", "used"),
    [(None, [True, True]), ("1", [False, True]), ("-1", [False, False]), ("GPU-a1", [True, False]), ("", [False] * 2)],
)
def test_the_gpus_that_cuda_shows_are_used(visible: str | None, used: list[bool]) -> None:
    reader = GpuReader(FakeNvml({"name": "x", "uuid": b"GPU-a1b2"}, {"name": "y", "uuid": "GPU-c3d4"}), visible)
    assert [sample.is_used for sample in reader.read(2.0)] == used

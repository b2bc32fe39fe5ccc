"""Bottleneck diagnoses from hardware samples, with their figures."""

import pytest

from mnist_tui.diagnosis.bottleneck import FEWEST, WINDOW, Bottleneck, Diagnosis, diagnose, while_training
from mnist_tui.events import GpuSample, HardwareSampled

CPU, GPU = "2 CPU cores", "NVIDIA H100 80GB HBM3"


def sample(engine: float, machine: float, *gpus: float | None) -> HardwareSampled:
    return HardwareSampled(
        time=0,
        engine_cpu=engine,
        engine_memory=1 << 30,
        machine_cpu=machine,
        machine_memory=2 << 30,
        gpus=tuple(GpuSample(GPU, utilisation) for utilisation in gpus),
    )


def diagnosed(one: HardwareSampled, cores: int = 2, device: str = CPU) -> Diagnosis:
    found = diagnose([(step, one) for step in range(10, 16)], cores, device)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("one", "cores", "words"),
    [
        (sample(190, 98), 2, "compute-bound: engine on 1.9 of 2 cores"),
        (sample(99, 100), 1, "compute-bound: engine on 1.0 of 1 core"),
        (sample(130, 86), 2, "compute-bound: engine on 1.3 of 2 cores"),
        (sample(115, 98), 2, "slowed by other processes: machine 98 % busy; engine on 1.1 of 2 cores"),
        (sample(60, 100), 1, "slowed by other processes: machine 100 % busy; engine on 0.6 of 1 core"),
        (sample(100, 8), 16, "input-bound: engine on 1.0 of 16 cores; a larger batch may fill the rest"),
        (sample(100, 55), 2, "no single bottleneck: engine on 1.0 of 2 cores"),
        (sample(300, 40), 8, "no single bottleneck: engine on 3.0 of 8 cores"),
        (sample(40, 30), 2, "no single bottleneck: engine on 0.4 of 2 cores"),
    ],
)
def test_on_a_cpu(one: HardwareSampled, cores: int, words: str) -> None:
    assert str(diagnosed(one, cores)) == words


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (sample(100, 8, 93), "compute-bound: GPU 93 % busy"),
        (sample(104, 8, 31), "input-bound: GPU 31 % busy, engine on 1.0 cores"),
        (
            sample(60, 99, 31),
            "slowed by other processes: machine 99 % busy; engine on 0.6 of 16 cores; GPU 31 % busy",
        ),
        (sample(30, 8, 31), "no single bottleneck: GPU 31 % busy, engine on 0.3 cores"),
        (sample(104, 8, None), "no single bottleneck: the driver reports no GPU utilisation"),
        (sample(100, 8, 5, 91), "compute-bound: GPU 91 % busy"),
        (sample(100, 8, None, 91), "compute-bound: GPU 91 % busy"),
    ],
)
def test_on_a_gpu(one: HardwareSampled, words: str) -> None:
    assert str(diagnosed(one, 16, GPU)) == words


def test_a_gpu_that_the_run_does_not_use_is_ignored() -> None:
    assert diagnosed(sample(190, 98, 0)).kind is Bottleneck.COMPUTE


def test_an_engine_that_fills_its_cores_is_compute_bound_however_busy_the_machine_is() -> None:
    for machine in (4, 50, 99):
        assert str(diagnosed(sample(199, machine))).startswith("compute-bound: engine on 2.0 of 2 cores")


def test_a_full_machine_is_not_starved_if_others_use_little() -> None:
    assert diagnosed(sample(165, 100)).kind is Bottleneck.COMPUTE


def test_only_samples_taken_while_training_count() -> None:
    busy, idle = sample(190, 98), sample(3, 4)
    pairs = [(0, idle), (5, busy), (9, busy), (14, busy), (14, idle), (20, busy), (20, idle), (25, busy), (25, idle)]
    assert while_training(pairs) == [busy] * 4
    found = diagnose(pairs, 2, CPU)
    assert found is not None
    assert found.at_length() == "compute-bound: engine on 1.9 of 2 cores; by 4 samples"
    assert len(while_training([(step, busy) for step in range(1, 50)])) == WINDOW


def test_too_few_samples_are_no_diagnosis() -> None:
    busy = sample(190, 98)
    assert diagnose([], 2, CPU) is None
    for fewer in range(FEWEST):
        assert diagnose([(0, busy), *((5 + step, busy) for step in range(fewer + 1))], 2, CPU) is None
    assert diagnose([(5 + step, busy) for step in range(FEWEST + 1)], 2, CPU) is not None

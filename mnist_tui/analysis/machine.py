"""What holds a training up, judged by the newest hardware samples: its own arithmetic, its input, or somebody else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mnist_tui.events import HardwareSampled

WINDOW = 5
"""Newest samples that a verdict rests on: ten seconds."""
FEWEST = 2
GPU_BUSY, GPU_IDLE = 80.0, 50.0
"""Percent of the time: from where on the GPU is the bottleneck, and below which something else is."""
CORE_BUSY = 0.9
"""Of a core: the engine's main thread has no time left."""
CORES_FULL = 0.75
"""Of all cores: the rest is what threads wait for each other."""
MACHINE_FULL = 85.0
OTHERS_MATTER = 0.25
"""Of all cores, used by other processes."""
DEVICE_IS_CPU = re.compile(r"\bCPU\b")


class Bottleneck(StrEnum):
    """What a step waits for."""

    COMPUTE = "compute-bound"
    INPUT = "input-bound"
    STARVED = "starved"
    UNCLEAR = "no single bottleneck"


@dataclass(frozen=True)
class Verdict:
    """What holds the training up, and the figures that say so."""

    kind: Bottleneck
    figures: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.figures}"


@dataclass(frozen=True)
class Load:
    """Means over some samples. CPU in cores, the busiest GPU in percent; None where it could not be had."""

    engine_cores: float
    machine_cores: float
    gpu: float | None

    @property
    def other_cores(self) -> float:
        """What other processes use."""
        return max(0.0, self.machine_cores - self.engine_cores)


def while_training(samples: Sequence[tuple[int, HardwareSampled]]) -> list[HardwareSampled]:
    """Of (newest step, sample) pairs: those since whose predecessor a step was taken, at most WINDOW, oldest first.

    A pause, a validation or a start-up says nothing about the training.
    """
    found: list[HardwareSampled] = []
    for (before, _), (step, sample) in zip(reversed(samples[:-1]), reversed(samples[1:]), strict=True):
        if len(found) == WINDOW or before == 0:
            break
        if step > before:
            found.append(sample)
    return found[::-1]


def load(samples: Sequence[HardwareSampled], cores: int) -> Load:
    """Mean load of one sample or more on a machine of so many cores."""
    count = len(samples)
    gpus = [
        max(known) for sample in samples if (known := [g.utilisation for g in sample.gpus if g.utilisation is not None])
    ]
    return Load(
        engine_cores=min(cores, sum(sample.engine_cpu for sample in samples) / count / 100),
        machine_cores=sum(sample.machine_cpu for sample in samples) / count / 100 * cores,
        gpu=sum(gpus) / len(gpus) if gpus else None,
    )


def verdict(samples: Sequence[tuple[int, HardwareSampled]], cores: int, device: str) -> Verdict | None:
    """What holds a training on `device` up, from (newest step, sample) pairs; None while too little is known."""
    working = while_training(samples)
    if len(working) < FEWEST or cores < 1:
        return None
    now = load(working, cores)
    if DEVICE_IS_CPU.search(device):
        return _of_cpu(now, cores)
    return _of_gpu(now, cores)


def _of_cpu(now: Load, cores: int) -> Verdict:
    full = now.machine_cores >= cores * MACHINE_FULL / 100
    engine = f"the engine keeps {now.engine_cores:.1f} of {_cores(cores)} busy"
    if full and now.other_cores >= cores * OTHERS_MATTER:
        return Verdict(Bottleneck.STARVED, f"others use {now.other_cores:.1f} of {_cores(cores)}")
    if full or now.engine_cores >= cores * CORES_FULL:
        return Verdict(Bottleneck.COMPUTE, engine)
    if now.engine_cores >= CORE_BUSY:
        return Verdict(Bottleneck.INPUT, f"{engine}; a larger batch may fill the rest")
    return Verdict(Bottleneck.UNCLEAR, engine)


def _of_gpu(now: Load, cores: int) -> Verdict:
    full = now.machine_cores >= cores * MACHINE_FULL / 100
    if now.gpu is None:
        return Verdict(Bottleneck.UNCLEAR, "the driver tells no utilisation of the GPU")
    if now.gpu >= GPU_BUSY:
        return Verdict(Bottleneck.COMPUTE, f"the GPU is busy {now.gpu:.0f} % of the time")
    if full and now.other_cores >= cores * OTHERS_MATTER:
        return Verdict(
            Bottleneck.STARVED, f"others use {now.other_cores:.1f} of {_cores(cores)}, the GPU is busy {now.gpu:.0f} %"
        )
    if now.gpu < GPU_IDLE and now.engine_cores >= CORE_BUSY:
        return Verdict(
            Bottleneck.INPUT, f"the GPU is busy {now.gpu:.0f} %, the engine keeps {now.engine_cores:.1f} cores busy"
        )
    return Verdict(Bottleneck.UNCLEAR, f"the GPU is busy {now.gpu:.0f} %, the engine uses {now.engine_cores:.1f} cores")


def _cores(count: int) -> str:
    return f"{count} core{'' if count == 1 else 's'}"

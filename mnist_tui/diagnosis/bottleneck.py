"""What holds a training up, judged by the newest hardware samples: its own arithmetic, its input, or somebody else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mnist_tui.events import HardwareSampled

WINDOW = 5
"""Newest samples that a verdict rests on: ten seconds."""
FEWEST = 4
"""Below this a single validation or a file being saved would decide."""
GPU_BUSY, GPU_IDLE = 80.0, 50.0
"""Percent of the time: from where on the GPU is the bottleneck, and below which something else is."""
CORE_BUSY = 0.9
"""Of a core: the engine's main thread has no time left."""
ONE_THREAD = 1.25
"""Cores: up to here the main thread works alone, and the threads that compute wait for it."""
CORES_FULL = 0.75
"""Of the cores that the engine may use: the rest is what threads wait for each other."""
MACHINE_FULL = 0.85
OTHERS_MATTER = 0.25
"""Of the machine, used by other processes."""
DEVICE_IS_CPU = re.compile(r"\bCPU\b")


class Bottleneck(StrEnum):
    """What a step waits for."""

    COMPUTE = "compute-bound"
    INPUT = "input-bound"
    STARVED = "starved"
    UNCLEAR = "no single bottleneck"


@dataclass(frozen=True)
class Diagnosis:
    """What holds the training up, the figures that say so, and of how many samples they are means."""

    kind: Bottleneck
    figures: str
    samples: int

    def __str__(self) -> str:
        return f"{self.kind}: {self.figures}"

    def at_length(self) -> str:
        """With what it rests on."""
        return f"{self}; by {self.samples} samples"


@dataclass(frozen=True)
class Load:
    """Means over some samples; the busiest GPU in percent, None where it could not be had.

    The engine may be confined to some of the machine's cores, so the two are compared as shares, each of its own
    whole, and never as numbers of cores.
    """

    engine_cores: float
    cores: int
    """That the engine may use."""
    machine: float
    """Share of all the machine's cores that is busy, 0..1."""
    gpu: float | None

    @property
    def engine(self) -> float:
        """Share of its cores that the engine keeps busy, 0..1."""
        return self.engine_cores / self.cores

    @property
    def is_starved(self) -> bool:
        """Whether the machine is full, and much of it of others."""
        return self.machine >= MACHINE_FULL and self.machine - self.engine >= OTHERS_MATTER

    def of_cores(self) -> str:
        """As in '1.6 of 2 cores'."""
        return f"{self.engine_cores:.1f} of {self.cores} core{'' if self.cores == 1 else 's'}"


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
    """Mean load of one sample or more, of an engine that may use so many cores."""
    count = len(samples)
    gpus = [
        max(known) for sample in samples if (known := [g.utilisation for g in sample.gpus if g.utilisation is not None])
    ]
    return Load(
        engine_cores=min(cores, sum(sample.engine_cpu for sample in samples) / count / 100),
        cores=cores,
        machine=sum(sample.machine_cpu for sample in samples) / count / 100,
        gpu=sum(gpus) / len(gpus) if gpus else None,
    )


def diagnose(samples: Sequence[tuple[int, HardwareSampled]], cores: int, device: str) -> Diagnosis | None:
    """What holds a training on `device` up, from (newest step, sample) pairs; None while too little is known.

    `cores` are those that the engine may use.
    """
    working = while_training(samples)
    if len(working) < FEWEST or cores < 1:
        return None
    judge = _of_cpu if DEVICE_IS_CPU.search(device) else _of_gpu
    kind, figures = judge(load(working, cores))
    return Diagnosis(kind, figures, len(working))


def _of_cpu(now: Load) -> tuple[Bottleneck, str]:
    engine = f"engine on {now.of_cores()}"
    if now.engine >= CORES_FULL:
        return Bottleneck.COMPUTE, engine
    if now.is_starved:
        return Bottleneck.STARVED, f"machine {100 * now.machine:.0f} % busy, engine {now.of_cores()}"
    if now.machine >= MACHINE_FULL:
        return Bottleneck.COMPUTE, engine
    if CORE_BUSY <= now.engine_cores <= ONE_THREAD and now.engine < 1 / 2:
        return Bottleneck.INPUT, f"{engine}; a larger batch may fill the rest"
    return Bottleneck.UNCLEAR, engine


def _of_gpu(now: Load) -> tuple[Bottleneck, str]:
    if now.gpu is None:
        return Bottleneck.UNCLEAR, "the driver tells no utilisation of the GPU"
    gpu = f"the GPU is busy {now.gpu:.0f} %"
    if now.gpu >= GPU_BUSY:
        return Bottleneck.COMPUTE, f"{gpu} of the time"
    if now.is_starved:
        return (
            Bottleneck.STARVED,
            f"machine {100 * now.machine:.0f} % busy, engine {now.of_cores()}; {gpu}",
        )
    if now.gpu < GPU_IDLE and now.engine_cores >= CORE_BUSY:
        return Bottleneck.INPUT, f"{gpu}, the engine keeps {now.engine_cores:.1f} cores busy"
    return Bottleneck.UNCLEAR, f"{gpu}, the engine uses {now.engine_cores:.1f} cores"

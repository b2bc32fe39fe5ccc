"""Bottleneck analysis from hardware samples: computation, input, or other processes on the machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mnist_tui.events import DEVICE_IS_CPU, HardwareSampled

WINDOW = 5
"""Newest samples that a diagnosis uses: ten seconds."""
FEWEST = 4
"""Fewest samples for a diagnosis; with fewer, a single validation or a saved file would decide."""
GPU_BUSY, GPU_IDLE = 80.0, 50.0
"""Percent of the time: from the first the GPU is the bottleneck, below the second something else is."""
CORE_BUSY = 0.9
"""Cores from which the engine's main thread counts as fully busy."""
ONE_THREAD = 1.25
"""Cores up to which only the main thread is busy, and the compute threads wait for it."""
CORES_FULL = 0.75
"""Share of the engine's cores from which they count as full; the rest is threads that wait for each other."""
MACHINE_FULL = 0.85
"""Share of the machine's cores from which it counts as full."""
OTHERS_MATTER = 0.25
"""Share of the machine, used by other processes, from which they slow the engine down."""


class Bottleneck(StrEnum):
    """Resource that limits the speed of a step."""

    COMPUTE = "compute-bound"
    INPUT = "input-bound"
    STARVED = "slowed by other processes"
    UNCLEAR = "no single bottleneck"


@dataclass(frozen=True)
class Diagnosis:
    """A bottleneck with its evidence."""

    kind: Bottleneck
    figures: str
    samples: int
    """Samples of which the figures are means."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.figures}"

    def at_length(self) -> str:
        """Return the diagnosis with the number of samples."""
        return f"{self}; by {self.samples} samples"


@dataclass(frozen=True)
class Load:
    """Mean load over some samples.

    The engine may be confined to some of the machine's cores. So engine and machine are compared as shares of their
    own cores.
    """

    engine_cores: float
    """Cores that the engine keeps busy."""
    cores: int
    """Cores that the engine may use."""
    machine: float
    """Busy share of all the machine's cores, 0..1."""
    gpu: float | None
    """Utilisation of the busiest GPU in percent; None if it is not known."""

    @property
    def engine(self) -> float:
        """Busy share of the engine's cores, 0..1."""
        return self.engine_cores / self.cores

    @property
    def is_starved(self) -> bool:
        """Return True if the machine is full and other processes use much of it."""
        return self.machine >= MACHINE_FULL and self.machine - self.engine >= OTHERS_MATTER

    def of_cores(self) -> str:
        """Return the engine's busy cores, as in '1.6 of 2 cores'."""
        return f"{self.engine_cores:.1f} of {self.cores} core{'' if self.cores == 1 else 's'}"


def while_training(samples: Sequence[tuple[int, HardwareSampled]]) -> list[HardwareSampled]:
    """Return at most WINDOW newest samples taken while training, oldest first.

    Args:
        samples: Pairs of the newest step and a sample. A sample counts if a step ended since the one before, which
            excludes start-up, pauses and validation.
    """
    found: list[HardwareSampled] = []
    for (before, _), (step, sample) in zip(reversed(samples[:-1]), reversed(samples[1:]), strict=True):
        if len(found) == WINDOW or before == 0:
            break
        if step > before:
            found.append(sample)
    return found[::-1]


def load(samples: Sequence[HardwareSampled], cores: int) -> Load:
    """Return the mean load over at least one sample, for an engine that may use `cores`."""
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
    """Diagnose the bottleneck of a run; return None while there are too few samples.

    Args:
        samples: Pairs of the newest step and a sample, oldest first.
        cores: Cores that the engine may use.
        device: Description of the devices that train.
    """
    training = while_training(samples)
    if len(training) < FEWEST or cores < 1:
        return None
    rule = _on_cpu if DEVICE_IS_CPU.search(device) else _on_gpu
    kind, figures = rule(load(training, cores))
    return Diagnosis(kind, figures, len(training))


def _on_cpu(mean: Load) -> tuple[Bottleneck, str]:
    engine = f"engine on {mean.of_cores()}"
    if mean.engine >= CORES_FULL:
        return Bottleneck.COMPUTE, engine
    if mean.is_starved:
        return Bottleneck.STARVED, _shares(mean)
    if mean.machine >= MACHINE_FULL:
        return Bottleneck.COMPUTE, engine
    if CORE_BUSY <= mean.engine_cores <= ONE_THREAD and mean.engine < 1 / 2:
        return Bottleneck.INPUT, f"{engine}; a larger batch may fill the rest"
    return Bottleneck.UNCLEAR, engine


def _on_gpu(mean: Load) -> tuple[Bottleneck, str]:
    if mean.gpu is None:
        return Bottleneck.UNCLEAR, "the driver reports no GPU utilisation"
    gpu = f"GPU {mean.gpu:.0f} % busy"
    if mean.gpu >= GPU_BUSY:
        return Bottleneck.COMPUTE, gpu
    if mean.is_starved:
        return Bottleneck.STARVED, f"{_shares(mean)}; {gpu}"
    kind = Bottleneck.INPUT if mean.gpu < GPU_IDLE and mean.engine_cores >= CORE_BUSY else Bottleneck.UNCLEAR
    return kind, f"{gpu}, engine on {mean.engine_cores:.1f} cores"


def _shares(mean: Load) -> str:
    return f"machine {100 * mean.machine:.0f} % busy; engine on {mean.of_cores()}"

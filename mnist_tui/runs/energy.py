"""EnergyLedger: the energy of a run by activity, and up to each epoch.

It covers the whole CPU packages and the whole GPUs that the run trains on, other processes included, from the time at
which Keras is imported. Steps that a resume or a rollback repeats count again, since their energy was used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mnist_tui.events import DEVICE_IS_CPU, EpochEnded, HardwareSampled, Phase
from mnist_tui.metrics import TARGET_ACCURACIES

JOULES_PER_WATT_HOUR = 3_600.0


@dataclass(frozen=True)
class Energy:
    """Energy in joules; None if it cannot be read, or if the run does not use the device."""

    cpu: float | None = None
    gpu: float | None = None

    @property
    def total(self) -> float | None:
        """Joules of the devices whose energy is known; None if there are none."""
        known = [part for part in (self.cpu, self.gpu) if part is not None]
        return sum(known) if known else None

    @property
    def watt_hours(self) -> float | None:
        """The total in watt-hours."""
        return None if self.total is None else self.total / JOULES_PER_WATT_HOUR

    def __add__(self, other: "Energy") -> "Energy":
        return Energy(_sum(self.cpu, other.cpu), _sum(self.gpu, other.gpu))

    def __mul__(self, share: float) -> "Energy":
        return Energy(*(None if part is None else part * share for part in (self.cpu, self.gpu)))


def _sum(first: float | None, second: float | None) -> float | None:
    return second if first is None else first if second is None else first + second


class EnergyLedger:
    """Sums of the energies of samples. A change of phase between two samples divides the energy by the time."""

    def __init__(self) -> None:
        self.at_epochs: dict[int, Energy] = {}
        """Energy up to the end of each epoch, without pauses."""
        self.images = 0
        """Training images in the time whose energy is known."""
        self.uses_gpu = False
        self.is_estimated = False
        """True if a GPU has no energy counter, so that power was multiplied by time."""
        self.note = ""
        """Reason why the energy of the CPU cannot be read."""
        self._by_phase: dict[Phase | None, Energy] = {}
        self._phase: Phase | None = Phase.IMPORTING
        """Current phase; None after the end of a run that is trained on."""
        self._changes: list[tuple[float, Phase | int | None]] = []
        """Times since the newest sample at which a phase began, or the epoch of this number ended."""
        self._images_before = 0
        self._samples = self._cpu_samples = self._gpu_samples = 0

    @property
    def worked(self) -> Energy:
        """Energy without pauses."""
        return self._of(*(set(self._by_phase) - {None, Phase.PAUSED}))

    @property
    def paused(self) -> Energy:
        """Energy of all pauses."""
        return self._of(Phase.PAUSED)

    @property
    def joules_per_image(self) -> float | None:
        """Joules of the training steps, without validation, for each image trained; None if unknown."""
        joules = self._of(Phase.TRAINING).total
        return joules / self.images if joules is not None and self.images else None

    @property
    def is_partial(self) -> bool:
        """True if a device could be read for a part of the run only, so that all energies are lower bounds."""
        return 0 < self._cpu_samples < self._samples or (self.uses_gpu and 0 < self._gpu_samples < self._samples)

    @property
    def covers(self) -> str:
        """Devices that the energy covers, such as "whole GPUs; CPUs N/A"."""
        worked = self.worked
        parts = [("CPUs", worked.cpu)]
        if self.uses_gpu:
            parts.insert(0, ("GPUs by power samples" if self.is_estimated else "GPUs", worked.gpu))
        known = " and ".join(name for name, energy in parts if energy is not None)
        unknown = " and ".join(name for name, energy in parts if energy is None)
        return "; ".join(([f"whole {known}"] if known else []) + ([f"{unknown} N/A"] if unknown else []))

    def to_accuracies(self, epochs: Sequence[EpochEnded]) -> dict[str, float | None]:
        """Return target accuracy -> watt-hours to the end of the first epoch that reached it; None if unknown."""
        found: dict[str, float | None] = {}
        for target in TARGET_ACCURACIES:
            reached = next((each.epoch for each in epochs if each.validation_accuracy >= target), 0)
            found[f"{target:g}"] = self.at_epochs.get(reached, Energy()).watt_hours
        return found

    def as_json(self, epochs: Sequence[EpochEnded]) -> dict[str, object]:
        """Return the object that `show --json` prints, in watt-hours; null where it cannot be read."""
        worked = self.worked
        return {
            "watt_hours": worked.watt_hours,
            "cpu_watt_hours": Energy(cpu=worked.cpu).watt_hours,
            "gpu_watt_hours": Energy(gpu=worked.gpu).watt_hours,
            "paused_watt_hours": self.paused.watt_hours,
            "joules_per_image": self.joules_per_image,
            "to_accuracy": self.to_accuracies(epochs),
            "covers": self.covers,
            "is_partial": self.is_partial,
        }

    def _of(self, *phases: Phase | None) -> Energy:
        found = sum((self._by_phase.get(phase, Energy()) for phase in phases), Energy())
        return found if self.uses_gpu else Energy(found.cpu)

    def begin_phase(self, time: float, phase: Phase | None) -> None:
        """Note that the engine began another activity; None: the run ended."""
        self._changes.append((time, phase))

    def end_epoch(self, time: float, epoch: int) -> None:
        """Note the end of an epoch, whose energy is known with the next sample."""
        self._changes.append((time, epoch))

    def rewind(self, epoch: int, images: int) -> None:
        """Forget later epochs, since the training returned to an earlier state, after `images` images."""
        self.at_epochs = {each: energy for each, energy in self.at_epochs.items() if each <= epoch}
        self._changes = [each for each in self._changes if not isinstance(each[1], int) or each[1] <= epoch]
        self._images_before = images

    def add(self, sample: HardwareSampled, images: int, device: str) -> None:
        """Add a sample, taken after `images` training images on the devices that `device` describes."""
        used = [] if DEVICE_IS_CPU.search(device) else [gpu for gpu in sample.gpus if gpu.is_used]
        joules = [gpu.energy for gpu in used if gpu.energy is not None]
        energy = Energy(sample.cpu_energy, sum(joules) if used and len(joules) == len(used) else None)
        self.uses_gpu, self.note = bool(used), sample.cpu_energy_note
        self.is_estimated = self.is_estimated or any(gpu.energy_is_estimated for gpu in used)
        self._samples += 1
        self._cpu_samples += energy.cpu is not None
        self._gpu_samples += energy.gpu is not None
        if energy.total is not None:
            self.images += max(0, images - self._images_before)
        self._images_before = images
        at = sample.time - sample.seconds
        for time, change in self._changes:
            until = min(max(at, time), sample.time)
            self._spend(energy, until - at, sample.seconds)
            at = until
            if isinstance(change, int):
                self.at_epochs[change] = self.worked
            else:
                self._phase = change
        self._changes.clear()
        self._spend(energy, sample.time - at, sample.seconds)

    def _spend(self, energy: Energy, seconds: float, of_seconds: float) -> None:
        share = seconds / of_seconds if of_seconds > 0 else 0.0
        self._by_phase[self._phase] = self._by_phase.get(self._phase, Energy()) + energy * share

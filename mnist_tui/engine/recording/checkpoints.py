"""The state that training can go on from, exactly: written aside and renamed, read back after a stop, a crash or NaN.

A checkpoint is one npz file, never pickled: `state` (TrainingState as JSON), `variable_NNN` (everything that the model
and the optimizer hold, the states of the random generators included) and `best_NNN` (weights of the best epoch). The
order of the digits needs no room: it follows from seed and epoch (see `digit_order`).
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mnist_tui.config import RunConfig
from mnist_tui.diagnosis.guard import EpochFigures
from mnist_tui.engine import backends
from mnist_tui.events import CheckpointSaved, Metrics
from mnist_tui.runs.directory import RunDirectory, RunError, replacing

KEPT = 2
"""Newest checkpoints that stay: one may prove to be saved just before the loss exploded."""
COST_SHARE = 0.01
"""Most of the training time that checkpoints may take: they become rarer where writing one takes long."""

HOLD_SECONDS = 1.0
"""Between two copies that one of several processes keeps in memory: what another's death can cost."""

Array = NDArray[Any]


class TrainingState(msgspec.Struct, kw_only=True):
    """Where a training stands, beside its arrays. Steering changes the settings in it, the training thread the rest."""

    epochs_planned: int
    max_learning_rate: float = msgspec.field(name="peak")
    """Of the learning-rate schedule."""
    early_stopping: str
    step: int = 0
    """Steps done."""
    epoch: int = 0
    """Epochs done."""
    batch: int = 0
    """Batches done in the epoch under way."""
    digits: int = 0
    """Images trained on in the current epoch."""
    sums: Metrics = msgspec.field(default_factory=dict)
    """Sums of the metrics over these images; None where a value was not finite."""
    epoch_seconds: float = 0.0
    """Worked on the epoch under way."""
    seconds: float = 0.0
    """Worked in all, without pauses and downtime."""
    figures: list[EpochFigures] = msgspec.field(default_factory=list)
    """Of the epochs done."""
    best_epoch: int | None = None
    best_accuracy: float = -1.0
    best_loss: float | None = None
    kept: list[int] = msgspec.field(default_factory=lambda: [0])
    """Networks of an ensemble whose best weights are known; of those the best epoch is the newest one's."""
    rescues: int = 0
    """Times that the program rolled back by itself."""

    @classmethod
    def beginning(cls, config: RunConfig) -> "TrainingState":
        """Before the first step."""
        return cls(
            epochs_planned=config.epochs_in_all,
            max_learning_rate=config.learning_rate,
            early_stopping=config.early_stopping,
        )

    def add(self, metrics: Metrics, images: int) -> None:
        """Add the metrics of a step to the sums of the epoch."""
        for key, value in metrics.items():
            total = self.sums.get(key, 0.0)
            self.sums[key] = None if value is None or total is None else total + value * images

    @property
    def means(self) -> Metrics:
        """Means of the metrics over the current epoch's images."""
        return {key: None if total is None else total / max(1, self.digits) for key, total in self.sums.items()}

    def end_epoch(self) -> None:
        """Count the epoch under way as done."""
        self.epoch += 1
        self.batch = self.digits = 0
        self.sums, self.epoch_seconds = {}, 0.0

    def keep_settings(self, now: "TrainingState") -> None:
        """Take over what people have set meanwhile, and what was done to rescue the run."""
        self.epochs_planned, self.max_learning_rate = now.epochs_planned, now.max_learning_rate
        self.early_stopping, self.rescues = now.early_stopping, now.rescues

    def take(self, other: "TrainingState") -> None:
        """Become equal to another state, in place: whoever holds this one sees it."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(other, name))


@dataclass(frozen=True)
class Checkpoint:
    """One that was read back. `best` is empty before the first epoch is done."""

    state: TrainingState
    variables: list[Array] = field(repr=False)
    best: list[Array] = field(repr=False)

    def restore(self, variables: Sequence[Any]) -> None:
        """Put the arrays into the Keras variables; raises RunError when they are of another network."""
        shapes = [tuple(variable.shape) for variable in variables]
        if shapes != [array.shape for array in self.variables]:
            raise RunError("the checkpoint is of another network: resume with the version of mnist-tui that wrote it")
        for variable, array in zip(variables, self.variables, strict=True):
            variable.assign(array)


def read(run: RunDirectory) -> Checkpoint | None:
    """The newest checkpoint that is whole; None when there is none."""
    for path in run.checkpoint_paths():
        try:
            arrays = run.load_arrays(path)
            state = _decoded_state(arrays["state"].tobytes())
        except (RunError, KeyError, msgspec.DecodeError):
            continue  # damaged: the one before it is whole

        def named(prefix: str, arrays: dict[str, Array] = arrays) -> list[Array]:
            return [arrays[key] for key in sorted(arrays) if key.startswith(prefix)]

        return Checkpoint(state, named("variable_"), named("best_"))
    return None


def _decoded_state(data: bytes) -> TrainingState:
    fields = msgspec.json.decode(data, type=dict[str, Any])
    if "loss_sum" in fields:  # version 0.1
        fields["sums"] = {"loss": fields["loss_sum"], "accuracy": fields["accuracy_sum"]}
    return msgspec.convert(fields, TrainingState)


def forget_after(run: RunDirectory, step: int) -> None:
    """Remove the checkpoints of later steps: the run goes on from this one and takes them anew."""
    for path in run.checkpoint_paths():
        if path > run.checkpoint_path(step):
            with contextlib.suppress(OSError):  # a read-only disk ends no run
                path.unlink()


class Checkpointer:
    """Saves checkpoints of one training: by time, at epochs' ends, and when asked."""

    def __init__(self, run: RunDirectory, config: RunConfig, before: Callable[[], None]) -> None:
        """`before` is called first: what a checkpoint presumes (the events so far) must be on the disk."""
        self._run = run
        self._longest = config.checkpoint_seconds
        self._before = before
        self._saved_at = time.monotonic()
        self._cost = 0.0
        self._newest = (-1, -1)
        self._held: tuple[TrainingState, list[Array], list[Array]] | None = None
        self._held_at = 0.0

    def is_due(self, *, epoch_end: bool = False) -> bool:
        """Whether one should be saved now; at an epoch's end sooner, but never so often that training suffers."""
        since = time.monotonic() - self._saved_at
        rarest = self._cost / COST_SHARE
        return since >= rarest if epoch_end else since >= max(self._longest, rarest)

    def has(self, state: TrainingState) -> bool:
        """Whether the newest one is of this state: an epoch's last batch and its end are two states of one step."""
        return self._newest == (state.step, state.epoch)

    def hold(self, state: TrainingState, variables: Sequence[Any], best: Sequence[Array]) -> None:
        """Keep a copy in memory, at most every HOLD_SECONDS: a step that others break takes the variables along."""
        now = time.monotonic()
        if now >= self._held_at + HOLD_SECONDS:
            held = msgspec.json.decode(msgspec.json.encode(state), type=TrainingState)
            self._held = held, backends.current().fetch(variables), list(best)
            self._held_at = now

    def save_held(self) -> CheckpointSaved | None:
        """Write what is held, if anything; for any thread, when nothing else is written any more. Raises OSError."""
        if self._held is None or self._newest >= (self._held[0].step, self._held[0].epoch):
            return None
        return self._write(time.monotonic(), *self._held)

    def save(self, state: TrainingState, variables: Sequence[Any], best: Sequence[Array]) -> CheckpointSaved | None:
        """Write a checkpoint; None when the weights are not finite, which nobody wants back. Raises OSError."""
        began = time.monotonic()
        return self._write(began, state, backends.current().fetch(variables), best)

    def _write(
        self, began: float, state: TrainingState, arrays: Sequence[Array], best: Sequence[Array]
    ) -> CheckpointSaved | None:
        self._saved_at = began  # a disk that refuses is not asked at every batch
        if not all(np.isfinite(array).all() for array in arrays):
            return None
        self._before()
        path = self._run.checkpoint_path(state.step)
        path.parent.mkdir(exist_ok=True)
        named = {f"variable_{place:03d}": array for place, array in enumerate(arrays)}
        named |= {f"best_{place:03d}": array for place, array in enumerate(best)}
        named["state"] = np.frombuffer(msgspec.json.encode(state), dtype=np.uint8)
        with replacing(path, durable=True) as temporary, temporary.open("wb") as file:
            np.savez(file, **named)  # type: ignore[arg-type]
        for old in self._run.checkpoint_paths()[KEPT:]:
            with contextlib.suppress(OSError):
                old.unlink()
        now = time.monotonic()
        self._saved_at, self._cost, self._newest = now, now - began, (state.step, state.epoch)
        name = str(path.relative_to(self._run.path))
        return CheckpointSaved(time=time.time(), path=name, epoch=state.epoch, step=state.step, seconds=self._cost)


def digit_order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order in which an epoch (counted from 0) takes the digits: shape (count,), the same for the same seed."""
    return np.random.default_rng([seed, epoch]).permutation(count)

"""Checkpoints: the exact state to resume training from after a stop, a crash or NaN.

A checkpoint is one npz file, never pickled: `state` (TrainingState as JSON), `variable_NNN` (everything that the model
and the optimizer hold, the states of the random generators included) and `best_NNN` (weights of the best epoch). The
order of the examples is not stored: it follows from seed and epoch (see `example_order`).
"""

import contextlib
import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mnist_tui.config import RunConfig, Target
from mnist_tui.diagnosis.guard import EpochFigures
from mnist_tui.engine import backends
from mnist_tui.event_lines import UNREADABLE
from mnist_tui.events import CheckpointSaved, EpochEnded, Metrics, kept_epoch
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import STEERED_FIELDS, History
from mnist_tui.runs.replacing import replacing
from mnist_tui.untrusted import Count

KEPT = 2
"""Number of checkpoints to keep: the newest may date from just before the loss diverged."""
COST_SHARE = 0.01
"""Maximum share of the training time for writing checkpoints."""

LOOK_SECONDS = 1.0
"""Seconds after which a removed checkpoint is noticed."""
HOLD_SECONDS = 1.0
"""Seconds between two copies in memory: the progress that a lost process can cost."""

Array = NDArray[Any]


class TrainingState(msgspec.Struct, kw_only=True):
    """Training progress and settings. Steering changes the settings, the training thread the rest."""

    epochs_planned: int
    max_learning_rate: float = msgspec.field(name="peak")
    early_stopping: str
    until: str = "off"
    on_end: str = "off"
    step: Count = 0
    epoch: Count = 0
    batch: Count = 0
    """Completed batches of the current epoch."""
    digits: Count = 0
    """Images trained on in the current epoch."""
    sums: Metrics = msgspec.field(default_factory=dict)
    """Sums of the metrics over these images; None where a value was not finite."""
    epoch_seconds: float = 0.0
    """Seconds spent on the current epoch, pauses excluded."""
    seconds: float = 0.0
    """Total training seconds, pauses and downtime excluded."""
    figures: list[EpochFigures] = msgspec.field(default_factory=list)
    best_epoch: int | None = None
    best_accuracy: float = -1.0
    best_loss: float | None = None
    kept: list[int] = msgspec.field(default_factory=lambda: [0])
    """Ensemble members whose best weights are saved. The best epoch belongs to the newest of them."""
    automatic_rollbacks: int = msgspec.field(default=0, name="rescues")

    @classmethod
    def initial(cls, config: RunConfig) -> "TrainingState":
        """Return the state before the first step."""
        return cls(
            epochs_planned=config.epochs_in_all,
            max_learning_rate=config.learning_rate,
            early_stopping=config.early_stopping,
            until=config.until,
            on_end=config.on_end,
        )

    def go_to_best(self, epochs: Sequence[EpochEnded]) -> None:
        """Go to the end of the best epoch, if there is one: the state of a run that has model.keras only."""
        best = kept_epoch(epochs)
        if best is not None:
            self.step, self.epoch, self.best_epoch = best.step, best.epoch, best.epoch
            self.best_accuracy, self.best_loss = best.validation_accuracy, best.validation.get("loss")

    @property
    def has_met_target(self) -> bool:
        """True at the end of an epoch whose validation reached the target."""
        target = Target.parse(self.until)
        if target is None or self.batch or not self.figures:
            return False
        return target.is_met(self.figures[-1].validation(target.metric))

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
        """Count the current epoch as completed and reset its sums."""
        self.epoch += 1
        self.batch = self.digits = 0
        self.sums, self.epoch_seconds = {}, 0.0

    def forget_data(self, steps_per_epoch: int) -> None:
        """Forget all figures, and begin with the first epoch again if the new data have other steps per epoch."""
        self.figures, self.best_epoch, self.best_accuracy, self.best_loss = [], None, -1.0, None
        if self.step != self.epoch * steps_per_epoch + self.batch:
            self.step = self.epoch = self.batch = self.digits = 0
            self.sums, self.epoch_seconds = {}, 0.0

    def return_to(self, earlier: "TrainingState") -> None:
        """Copy the progress of an earlier state, in place, since other objects share this one.

        The settings stay: a user may change them at any time.
        """
        for name in self.__struct_fields__:
            if name not in STAYING_FIELDS:
                setattr(self, name, getattr(earlier, name))


STAYING_FIELDS = frozenset({*STEERED_FIELDS.values(), "automatic_rollbacks"})
"""Fields of TrainingState that no rollback changes back."""


@dataclass(frozen=True)
class Checkpoint:
    """Checkpoint in memory. `best` is empty until the first epoch is completed."""

    state: TrainingState
    variables: list[Array] = field(repr=False)
    best: list[Array] = field(repr=False)
    seconds: float = 0.0
    """Time that it took to copy the variables."""

    @classmethod
    def copied(cls, state: TrainingState, variables: Sequence[Any], best: Sequence[Array]) -> "Checkpoint":
        """Return a copy of the current state, of the Keras variables and of the best weights."""
        began = time.monotonic()
        arrays = backends.current().fetch(variables)
        return cls(copy.deepcopy(state), arrays, list(best), time.monotonic() - began)

    def check(self, variables: Sequence[Any]) -> None:
        """Raise RunError if the arrays do not have the shapes of the Keras variables."""
        if [tuple(variable.shape) for variable in variables] != [array.shape for array in self.variables]:
            raise RunError("the checkpoint is of another model: resume with the version of mnist-tui that wrote it")

    def restore(self, variables: Sequence[Any]) -> None:
        """Assign the arrays to the Keras variables; raises RunError, see `check`."""
        self.check(variables)
        for variable, array in zip(variables, self.variables, strict=True):
            variable.assign(array)


def state_to_train_from(checkpoint: Checkpoint | None, history: History) -> TrainingState:
    """Return the state of the checkpoint, or the initial one, with the settings of the event log.

    The event log has every acknowledged setting, also those that a user changed after the checkpoint.
    """
    state = checkpoint.state if checkpoint is not None else TrainingState.initial(history.record.config)
    for name in STEERED_FIELDS.values():
        setattr(state, name, getattr(history, name))
    return state


def read(run: RunDirectory, before: int | None = None) -> Checkpoint | None:
    """Return the newest undamaged checkpoint, or None. With `before`, return one of an earlier step."""
    for path in run.checkpoint_paths():
        try:
            arrays = run.load_arrays(path)
            state = _decoded_state(arrays.pop("state").tobytes())
        except (RunError, KeyError, *UNREADABLE):
            continue  # damaged: try the previous one
        is_own = path == run.checkpoint_path(state.step)  # and not a copy of another one
        if not is_own or (before is not None and state.step >= before) or not all(map(_is_finite, arrays.values())):
            continue

        def named(prefix: str, arrays: dict[str, Array] = arrays) -> list[Array]:
            return [arrays[key] for key in sorted(arrays) if key.startswith(prefix)]

        return Checkpoint(state, named("variable_"), named("best_"))
    return None


def _is_finite(array: Array) -> bool:
    return array.dtype.kind in "iub" or (array.dtype.kind == "f" and bool(np.isfinite(array).all()))


def _decoded_state(data: bytes) -> TrainingState:
    fields = msgspec.json.decode(data, type=dict[str, Any])
    if "loss_sum" in fields:  # version 0.1
        fields["sums"] = {"loss": fields["loss_sum"], "accuracy": fields["accuracy_sum"]}
    return msgspec.convert(fields, TrainingState)


def remove_after(run: RunDirectory, step: int) -> None:
    """Remove the checkpoints after a step. Training will write them again."""
    for path in run.checkpoint_paths():
        if path > run.checkpoint_path(step):
            with contextlib.suppress(OSError):  # a read-only disk must not end the run
                path.unlink()


class Checkpointer:
    """Writer of a run's checkpoints: at intervals, after epochs and on request."""

    def __init__(self, run: RunDirectory, config: RunConfig, before: Callable[[], None]) -> None:
        """Call `before` ahead of every write: the events up to a checkpoint must be on disk first."""
        self._run = run
        self._interval = config.checkpoint_seconds
        self._before = before
        self._saved_at = time.monotonic()
        self._cost = 0.0
        self._newest = (-1, -1)
        self._path: Path | None = None
        """File of the newest checkpoint."""
        self._held: Checkpoint | None = None
        self._held_at = 0.0

    def is_due(self, *, epoch_end: bool = False) -> bool:
        """Return True if a checkpoint is due. After an epoch, only COST_SHARE limits how often."""
        since = time.monotonic() - self._saved_at
        if since >= LOOK_SECONDS and self._path is not None and not self._path.exists():
            return True  # another program removed it
        rarest = self._cost / COST_SHARE
        return since >= rarest if epoch_end else since >= max(self._interval, rarest)

    def has(self, state: TrainingState) -> bool:
        """Return True if the newest checkpoint has this step and epoch: an epoch's end keeps the step."""
        return self._newest == (state.step, state.epoch)

    def hold(self, state: TrainingState, variables: Sequence[Any], best: Sequence[Array]) -> None:
        """Keep a copy in memory, at most every HOLD_SECONDS: a failed distributed step loses the variables."""
        now = time.monotonic()
        if now >= self._held_at + HOLD_SECONDS:
            self._held, self._held_at = Checkpoint.copied(state, variables, best), now

    def save_held(self) -> CheckpointSaved | None:
        """Write the copy in memory, if it is newer than the last checkpoint. Raise OSError on failure."""
        if self._held is None or self._newest >= (self._held.state.step, self._held.state.epoch):
            return None
        return self.save(self._held)

    def save(self, checkpoint: Checkpoint) -> CheckpointSaved | None:
        """Write a checkpoint, or return None if the weights are not finite. Raise OSError on failure."""
        began, state = time.monotonic() - checkpoint.seconds, checkpoint.state
        self._saved_at = began  # do not retry a full disk after every batch
        if not all(np.isfinite(array).all() for array in checkpoint.variables):
            return None
        self._before()
        path = self._run.checkpoint_path(state.step)
        path.parent.mkdir(exist_ok=True)
        named = {f"variable_{place:03d}": array for place, array in enumerate(checkpoint.variables)}
        named |= {f"best_{place:03d}": array for place, array in enumerate(checkpoint.best)}
        named["state"] = np.frombuffer(msgspec.json.encode(state), dtype=np.uint8)
        with replacing(path, durable=True) as temporary, temporary.open("wb") as file:
            np.savez(file, **named)  # type: ignore[arg-type]
        earlier = [each for each in self._run.checkpoint_paths() if each <= path]
        for old in earlier[KEPT:]:
            with contextlib.suppress(OSError):
                old.unlink()
        now = time.monotonic()
        self._saved_at, self._cost, self._newest, self._path = now, now - began, (state.step, state.epoch), path
        name = str(path.relative_to(self._run.path))
        return CheckpointSaved(time=time.time(), path=name, epoch=state.epoch, step=state.step, seconds=self._cost)


def example_order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """Return the order of the training examples in an epoch (from 0), shape `(count,)`."""
    return np.random.default_rng([seed, epoch]).permutation(count)

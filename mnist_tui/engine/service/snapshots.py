"""Weights that a request names: those of the best epoch, those that train right now, or those kept of an epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mnist_tui.control import protocol
from mnist_tui.engine.models.best_model import BestModel
from mnist_tui.engine.models.compiled import CompiledModel
from mnist_tui.engine.models.member_models import MemberModels, Weights
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.service.server import RequestError
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.kept_epochs import read_weights

MAX_LOADED = 4
"""Kept epochs in memory: two side by side, and the next ones while they play."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Weights of all ensemble members that have any, at one time of a run."""

    epoch: int | None
    """Epoch at whose end they were validated; 0: the initial weights; None: other weights."""
    step: int
    members: dict[int, Weights]
    rollbacks: int = 0
    """Times that the training had returned to an earlier step."""

    @property
    def key(self) -> tuple[int | None, int, int]:
        """Key that other weights of the run do not have."""
        return self.epoch, self.step, self.rollbacks


class Snapshots:
    """Source of snapshots, with one copy of the models to compute with any of them."""

    def __init__(
        self,
        run: RunDirectory,
        state: TrainingState,
        steps_per_epoch: int,
        best: Callable[[], BestModel],
        current: Callable[[], CompiledModel],
    ) -> None:
        """Take functions that return the best model, and the one in training."""
        self._run = run
        self._state = state
        self._steps_per_epoch = steps_per_epoch
        self._best = best
        self._current = current
        self._models: MemberModels | None = None
        self._newest: Snapshot | None = None
        """Current weights when they were last asked for: they are copied once a step."""
        self._taken_at = (-1, -1)
        self._best_snapshot: Snapshot | None = None
        self._kept: dict[int, Snapshot] = {}
        """The kept epochs that were asked for last."""
        self._rollbacks = 0

    @property
    def best_epoch(self) -> int | None:
        """The best epoch so far; None before the first validation."""
        return self._state.best_epoch

    @property
    def best(self) -> BestModel:
        """Best model of every ensemble member."""
        return self._best()

    def of(self, weights: protocol.Weights) -> Snapshot:
        """Return the weights that a request names; raises RequestError."""
        if weights == "current":
            return self._current_snapshot()
        if weights == "best":
            return self._snapshot_of_best()
        return self._kept_snapshot(weights)

    def forget(self) -> None:
        """Forget all weights, since the training has returned to an earlier step."""
        self._newest = self._best_snapshot = None
        self._kept.clear()
        self._rollbacks += 1

    def inference_model(self, snapshot: Snapshot) -> Any:
        """Return the inference model over all members of a snapshot, valid until another one is asked for."""
        return self._models_with(snapshot).inference_model()

    def member_model(self, snapshot: Snapshot, member: int) -> Any:
        """Return the model of one member, valid until another snapshot is asked for; raises RequestError."""
        if member not in snapshot.members:
            known = ", ".join(str(each + 1) for each in sorted(snapshot.members))
            raise RequestError(f"model {member + 1} has no such weights: choose from {known}")
        return self._models_with(snapshot).member_model(member)

    def new_models(self) -> MemberModels:
        """Return further copies of the models, without weights."""
        return self._best().copy()

    def _models_with(self, snapshot: Snapshot) -> MemberModels:
        if self._models is None:
            self._models = self.new_models()
        self._models.use(snapshot.members)
        return self._models

    def _current_snapshot(self) -> Snapshot:
        state = self._state
        now = state.step, state.epoch  # the end of an epoch, or of an ensemble's member, keeps the step
        if self._newest is None or self._taken_at != now:
            compiled = self._current()
            member, weights = compiled.number, compiled.current_weights()
            earlier = {each: kept for each, kept in self._best().kept.items() if each < member}
            epoch = None if state.batch else state.epoch
            self._taken_at = now
            self._newest = Snapshot(epoch, state.step, earlier | {member: weights}, self._rollbacks)
        return self._newest

    def _kept_snapshot(self, epoch: int) -> Snapshot:
        if epoch not in self._kept:
            try:
                member, weights = read_weights(self._run, epoch)
            except RunError as error:
                raise RequestError(str(error)) from None
            best = self._best()
            if not best.fits(member, weights):
                path = self._run.weights_path(epoch)
                raise RequestError(f"epoch {epoch} cannot be loaded, {path} is of another model: choose another epoch")
            earlier = {each: kept for each, kept in best.kept.items() if each < member}
            while len(self._kept) >= MAX_LOADED:
                self._kept.pop(next(iter(self._kept)))
            step = min(self._state.step, epoch * self._steps_per_epoch)
            self._kept[epoch] = Snapshot(epoch, step, earlier | {member: weights}, self._rollbacks)
        return self._kept[epoch]

    def _snapshot_of_best(self) -> Snapshot:
        epoch = self._state.best_epoch
        if epoch is None:
            raise RequestError("no epoch is validated yet: try again after the first")
        members = self._best().kept
        known = self._best_snapshot
        if known is None or known.epoch != epoch or not _are_same(known.members, members):
            step = min(self._state.step, epoch * self._steps_per_epoch)
            known = self._best_snapshot = Snapshot(epoch, step, dict(members), self._rollbacks)
        return known


def _are_same(members: dict[int, Weights], others: dict[int, Weights]) -> bool:
    """Return True if these are the same lists of arrays; other weights are kept in another list."""
    return members.keys() == others.keys() and all(members[each] is others[each] for each in members)

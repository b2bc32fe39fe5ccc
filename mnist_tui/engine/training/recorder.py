"""What a training comes to, told and kept: validated epochs, the best model, the test, and what the disk refused."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.diagnosis.guard import EpochFigures
from mnist_tui.engine.data.datasets import Digits, Split
from mnist_tui.engine.models.best_model import BestModel
from mnist_tui.engine.models.evaluation import Evaluation, evaluate, predict, to_float16
from mnist_tui.engine.models.presets import Monitor
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.recording.event_writer import EventWriter
from mnist_tui.engine.recording.retrying_writer import RetryingWriter
from mnist_tui.events import (
    AlertKind,
    AlertRaised,
    CheckpointSaved,
    EndReason,
    EpochEnded,
    Phase,
    PhaseChanged,
    RunEnded,
)
from mnist_tui.metrics import ValidationContext, validation_metrics
from mnist_tui.runs.directory import RunDirectory


class WorkClock:
    """Counts the seconds that are worked into the state; what passes while nobody clocks in is not worked."""

    def __init__(self, state: TrainingState) -> None:
        self._state = state
        self._mark = time.monotonic()

    def clock_in(self) -> None:
        """The time since the last call, or since `restart`, was worked."""
        now = time.monotonic()
        self._state.seconds += now - self._mark
        self._state.epoch_seconds += now - self._mark
        self._mark = now

    def restart(self) -> None:
        """Work begins now."""
        self._mark = time.monotonic()


@dataclass(frozen=True)
class Validation:
    """What a network made of the validation digits, whether it is the best one so far, and how long that took."""

    result: Evaluation
    is_best: bool
    seconds: float


class Recorder:
    """Reads digits with networks and records the outcome."""

    def __init__(
        self,
        run: RunDirectory,
        split: Split,
        state: TrainingState,
        event_writer: EventWriter,
        writer: RetryingWriter,
        best: BestModel,
        monitors: Sequence[Monitor],
    ) -> None:
        """`monitors`: the checkpoint monitor of each ensemble member."""
        self._run, self._split, self._state, self._writer = run, split, state, writer
        self.emit = event_writer.emit
        self._best, self._monitors = best, monitors
        self.member = 0
        """The network of an ensemble that is in training."""
        self._others: list[NDArray[np.float32]] = []
        self.clock = WorkClock(state)

    def enter(self, phase: Phase) -> None:
        """The engine turns to something else."""
        self.emit(PhaseChanged(time=time.time(), phase=phase))

    def alert(self, kind: AlertKind, text: str, *, awaits_decision: bool = False) -> None:
        """Something that a person should know."""
        state = self._state
        epoch = state.epoch + (1 if state.batch else 0)
        self.emit(
            AlertRaised(
                time=time.time(), kind=kind, text=text, step=state.step, epoch=epoch, awaits_decision=awaits_decision
            )
        )

    def save(self, name: str, write: Callable[[], None]) -> bool:
        """Write a file, or tell that the disk refuses it; whether it was written."""
        return self._writer.attempt(name, write, step=self._state.step, epoch=self._state.epoch)

    def save_best(self) -> bool:
        """Write model.keras."""
        return self.save(self._run.model_path.name, self._best.save)

    @property
    def best(self) -> BestModel:
        """Where the best epoch's network is kept, as soon as it is not being written to model.keras any more."""
        self._writer.settle()
        return self._best

    def enter_member(self, member: int) -> None:
        """Turn to a network of an ensemble: the ones before it, at their best, are asked with it from now on."""
        self.member, best = member, self.best
        before = [best.member_model(each) for each in best.members if each < member]
        self._others = [predict(each, self._split.validation.images) for each in before]

    def validate(self, model: Any) -> Validation:
        """Read the validation digits after an epoch, or after a part of one; keep the network if it is the best."""
        self.enter(Phase.VALIDATING)
        state, began = self._state, time.monotonic()
        result = evaluate(model, self._split.validation, model.loss, self._others)
        is_best = self._is_best(result)
        if is_best:
            state.best_epoch, state.best_accuracy, state.best_loss = state.epoch + 1, result.accuracy, result.loss
            self.best.keep(model, self.member)
        return Validation(result, is_best, time.monotonic() - began)

    def record(self, validation: Validation, *, complete: bool = True) -> EpochFigures:
        """Tell what was read, and write it down."""
        state, result = self._state, validation.result
        epoch = state.epoch + 1
        name = f"predictions/{self._run.predictions_path(epoch).name}"
        self.save(name, lambda: save_predictions(self._run, epoch, self._split.validation, result))
        self.clock.clock_in()
        labels = self._split.validation.labels
        context = ValidationContext(labels, result.probabilities, result.loss)
        train = state.means
        self.emit(
            EpochEnded(
                time=time.time(),
                epoch=epoch,
                step=state.step,
                train=train,
                validation=validation_metrics(context),
                confusion=result.confusion,
                seconds=state.epoch_seconds,
                validation_seconds=validation.seconds,
                is_best=validation.is_best,
                complete=complete,
            )
        )
        if validation.is_best:
            self._save_best_behind(epoch, state.step)
        return EpochFigures(epoch, train.get("loss"), result.loss, result.accuracy)

    def _save_best_behind(self, epoch: int, step: int) -> None:
        """Write model.keras while the next epoch begins: 25 ms, in which a GPU would wait."""
        path = self._run.model_path.name

        def written() -> None:
            self.emit(CheckpointSaved(time=time.time(), path=path, epoch=epoch, step=step))

        self._writer.attempt_behind(path, self._best.save, written, step=step, epoch=epoch)

    def _is_best(self, result: Evaluation) -> bool:
        """Of the network's epochs so far, by what its recipe goes by."""
        state = self._state
        if self._monitors[self.member] == "val_accuracy":
            return result.accuracy > state.best_accuracy
        return state.best_loss is None or result.loss < state.best_loss

    def test(self, loss: Any, reason: EndReason) -> None:
        """The test digits, once, read by the network that a user gets; with that the run is over."""
        self.enter(Phase.TESTING)
        best = self.best
        if self._run.model_path.name in self._writer.unsaved:
            self.save_best()
        result = evaluate(best.load(), self._split.test, loss)
        self.save("digits/test.npz", lambda: save_digits(self._run, "test", self._split.test))
        self.save("predictions/test.npz", lambda: save_predictions(self._run, "test", self._split.test, result))
        self.clock.clock_in()
        self.emit(
            RunEnded(
                time=time.time(),
                reason=reason,
                best_epoch=self._state.best_epoch,
                test_loss=result.loss,
                test_accuracy=result.accuracy,
                test_confusion=result.confusion,
                seconds=self._state.seconds,
                unsaved=tuple(self._writer.unsaved),
            )
        )


def save_digits(run: RunDirectory, name: str, digits: Digits) -> None:
    """Write the pictures of a split; raises OSError."""
    run.save_arrays(run.digits_path(name), images=digits.images, labels=digits.labels, indices=digits.indices)


def save_predictions(run: RunDirectory, name: str | int, digits: Digits, result: Evaluation) -> None:
    """Write the predictions of an epoch (a number) or of another reading; raises OSError."""
    run.save_arrays(
        run.predictions_path(name),
        indices=digits.indices,
        labels=digits.labels,
        probabilities=to_float16(result.probabilities),
    )

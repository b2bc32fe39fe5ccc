"""Evaluation and recording of a run: validated epochs, the best model and the test."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.config import DataFacts, KeptEpochs, RunConfig
from mnist_tui.diagnosis.guard import EpochFigures
from mnist_tui.engine import backends
from mnist_tui.engine.data.datasets import Digits, Split
from mnist_tui.engine.models.best_model import BestModel
from mnist_tui.engine.models.evaluation import Evaluation, evaluate, predict, to_float16
from mnist_tui.engine.models.member_models import Weights
from mnist_tui.engine.models.presets import PRESETS, Monitor, preset_of
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.training.context import RunContext
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
from mnist_tui.runs.directory import TEST_AGAIN, RunDirectory
from mnist_tui.runs.kept_epochs import kept_epochs, remove_kept, superfluous, write_weights


class WorkClock:
    """Counter of training seconds, pauses excluded."""

    def __init__(self, state: TrainingState) -> None:
        self._state = state
        self._mark = time.monotonic()

    def add_elapsed(self) -> None:
        """Add the time since the last call or since `restart`."""
        now = time.monotonic()
        self._state.seconds += now - self._mark
        self._state.epoch_seconds += now - self._mark
        self._mark = now

    def restart(self) -> None:
        """Leave out the time until now."""
        self._mark = time.monotonic()


@dataclass(frozen=True)
class Validation:
    """Evaluation on the validation split and its seconds."""

    result: Evaluation
    is_best: bool
    seconds: float
    weights: Weights
    """Weights of the model that was evaluated."""
    is_of_ensemble: bool
    """True if the result is that of the model together with earlier members of the ensemble."""


class Recorder:
    """Recorder of evaluations, phases, alerts and the best model."""

    def __init__(self, context: RunContext, config: RunConfig, facts: DataFacts, split: Split) -> None:
        self._context, self._run, self._writer, self._split = context, context.run, context.writer, split
        self.emit, self._state = context.event_writer.emit, context.steering.state
        presets = [preset_of(config, member) for member in range(len(config.members))]
        builders = [partial(preset.build, facts.image_shape, facts.classes) for preset in presets]
        self._best = BestModel(context.run, builders, PRESETS[config.preset].shifts_for(facts.image_shape))
        self._kept_epochs = KeptEpochs.parse(config.kept_epochs)
        self._monitors = [preset.monitor for preset in presets]
        self.member = 0
        """Index of the ensemble member in training."""
        self._is_tested = context.is_tested
        self._earlier_predictions: list[NDArray[np.float32]] = []
        self.clock = WorkClock(self._state)

    def enter(self, phase: Phase) -> None:
        """Report a new phase."""
        self.emit(PhaseChanged(time=time.time(), phase=phase))

    def alert(self, kind: AlertKind, text: str, *, awaits_decision: bool = False) -> None:
        """Raise an alert."""
        state = self._state
        epoch = state.epoch + (1 if state.batch else 0)
        self.emit(
            AlertRaised(
                time=time.time(), kind=kind, text=text, step=state.step, epoch=epoch, awaits_decision=awaits_decision
            )
        )

    def save(self, name: str, write: Callable[[], None]) -> bool:
        """Write a file and return True, or raise an alert and return False."""
        return self._writer.write(name, write, step=self._state.step, epoch=self._state.epoch)

    def restore_removed(self) -> None:
        """Write files again that another program has removed."""
        self._writer.restore_removed(step=self._state.step, epoch=self._state.epoch)

    def save_best(self) -> bool:
        """Write model.keras."""
        return self.save(self._run.model_path.name, self._best.save)

    @property
    def best(self) -> BestModel:
        """Best model, once the background write of model.keras has ended."""
        self._writer.wait()
        return self._best

    def start_member(self, member: int) -> None:
        """Start an ensemble member, to be evaluated together with the best of the earlier ones."""
        self.member, best = member, self.best
        before = [best.member_model(each) for each in best.members if each < member]
        self._earlier_predictions = [predict(each, self._split.validation.images) for each in before]

    def validate(self, model: Any) -> Validation:
        """Evaluate the model on the validation split and keep it if it is the best."""
        self.enter(Phase.VALIDATING)
        state, began = self._state, time.monotonic()
        result = evaluate(model, self._split.validation, model.loss, self._earlier_predictions)
        weights = backends.current().fetch(model.weights)
        is_best = is_best_epoch(self._monitors[self.member], result, state)
        if is_best:
            state.best_epoch, state.best_accuracy, state.best_loss = state.epoch + 1, result.accuracy, result.loss
            self.best.keep(weights, self.member)
        return Validation(result, is_best, time.monotonic() - began, weights, bool(self._earlier_predictions))

    def record(self, validation: Validation, *, complete: bool = True) -> EpochFigures:
        """Save the predictions and report the epoch."""
        state, result = self._state, validation.result
        epoch = state.epoch + 1
        name = f"predictions/{self._run.predictions_path(epoch).name}"
        self.save(name, lambda: save_predictions(self._run, epoch, self._split.validation, result))
        self.clock.add_elapsed()
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
            self._save_best_in_background(epoch, state.step)
        self.keep_weights(epoch, validation.weights)
        return EpochFigures(epoch, train.get("loss"), result.loss, result.accuracy)

    def _save_best_in_background(self, epoch: int, step: int) -> None:
        """Write model.keras in the background, since a GPU would wait about 25 ms for it."""
        path = self._run.model_path.name

        def written() -> None:
            self.emit(CheckpointSaved(time=time.time(), path=path, epoch=epoch, step=step))

        self._writer.write_in_background(path, self._best.save, written, step=step, epoch=epoch)

    def keep_weights(self, epoch: int, weights: Weights) -> None:
        """Write the weights of an epoch in the background, and remove those of others that are too many."""
        run, best, member = self._run, self._state.best_epoch, self.member
        most = self._kept_epochs.most(sum(array.nbytes for array in weights) // 2)
        if not most:
            return

        def write() -> None:
            write_weights(run, epoch, member, weights)
            remove_kept(run, superfluous(kept_epochs(run), most, best))

        name = f"weights/{run.weights_path(epoch).name}"
        self._writer.write_in_background(name, write, lambda: None, step=self._state.step, epoch=epoch)

    def remove_kept_after(self, epoch: int) -> None:
        """Remove the weights of later epochs, since the training has returned to an earlier one."""
        self._writer.forget("weights/")
        remove_kept(self._run, [each for each in kept_epochs(self._run) if each > epoch])

    def end(self, loss: Any, reason: EndReason) -> None:
        """Evaluate the saved best model on the test split, if there is one, and end the run."""
        if self._run.model_path.name in self._writer.unsaved:
            self.save_best()
        result = self._test(loss) if len(self._split.test) else None
        self.clock.add_elapsed()
        self._context.wait_until_saved()
        self._context.sample_hardware()
        self.emit(
            RunEnded(
                time=time.time(),
                reason=reason,
                best_epoch=self._state.best_epoch,
                test_loss=result.loss if result else None,
                test_accuracy=result.accuracy if result else None,
                test_confusion=result.confusion if result else None,
                seconds=self._state.seconds,
                unsaved=tuple(self._writer.unsaved),
            )
        )

    def _test(self, loss: Any) -> Evaluation:
        """Evaluate on the test split. The files of the first test stay."""
        self.enter(Phase.TESTING)
        result = evaluate(self.best.load(), self._split.test, loss)
        name, self._is_tested = TEST_AGAIN if self._is_tested else "test", True
        self.save(f"digits/{name}.npz", lambda: save_digits(self._run, name, self._split.test))
        self.save(f"predictions/{name}.npz", lambda: save_predictions(self._run, name, self._split.test, result))
        return result


def is_best_epoch(monitor: Monitor, result: Evaluation, state: TrainingState) -> bool:
    """Return True if an epoch is better than the best one so far, by its loss if the accuracy is the same."""
    if monitor == "val_accuracy" and result.accuracy != state.best_accuracy:
        return result.accuracy > state.best_accuracy
    return state.best_loss is None or result.loss < state.best_loss


def save_digits(run: RunDirectory, name: str, digits: Digits) -> None:
    """Write the images of a split. Raise OSError on failure."""
    run.save_arrays(run.digits_path(name), images=digits.images, labels=digits.labels, indices=digits.indices)


def save_predictions(run: RunDirectory, name: str | int, digits: Digits, result: Evaluation) -> None:
    """Write the predictions of an epoch (a number) or of another evaluation. Raise OSError on failure."""
    run.save_arrays(
        run.predictions_path(name),
        indices=digits.indices,
        labels=digits.labels,
        probabilities=to_float16(result.probabilities),
    )

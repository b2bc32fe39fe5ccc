"""One run, top to bottom: data -> network -> fit -> best epoch -> test. Everything it does is told through `emit`."""

import threading
import time
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine import datasets, devices
from mnist_tui.engine.architecture import describe_layers
from mnist_tui.engine.callbacks import AtEpochEnd, Emit, EmitSteps, FollowSchedule, StopWhenAsked
from mnist_tui.engine.datasets import Digits
from mnist_tui.engine.evaluation import Evaluation, evaluate, one_hot, pixels
from mnist_tui.engine.presets import PRESETS, compile_model
from mnist_tui.events import CheckpointSaved, EndReason, EpochEnded, Phase, PhaseChanged, RunEnded, RunStarted
from mnist_tui.runs.directory import RunDirectory, replacing


def train(run: RunDirectory, emit: Emit, stop: threading.Event) -> None:
    """Do what config.json says. When `stop` is set, the batch under way is the last; it is evaluated and saved."""
    began = time.monotonic()
    record = run.record()
    config = record.config
    preset = PRESETS[config.preset]
    devices.prepare_tensorflow()
    keras.utils.set_random_seed(config.seed)

    _enter(emit, Phase.LOADING)
    data = datasets.load(config.data)
    split = datasets.split(data, config.seed, config.limit)
    classes = len(data.class_names)
    versions = record.versions | devices.versions()
    run.write_record(msgspec.structs.replace(record, versions=versions, data_checksum=data.checksum))
    _save_digits(run, "validation", split.validation)

    _enter(emit, Phase.BUILDING)
    model = preset.build((28, 28, 1), classes)
    compile_model(preset, model, config.optimizer, config.learning_rate, jit="auto")
    steps_per_epoch = -(-len(split.train) // config.batch_size)
    steps = steps_per_epoch * config.epochs
    emit(
        RunStarted(
            time=time.time(),
            layers=describe_layers(model),
            class_names=data.class_names,
            train_count=len(split.train),
            validation_count=len(split.validation),
            test_count=len(split.test),
            epochs=config.epochs,
            steps_per_epoch=steps_per_epoch,
            hardware=devices.hardware(),
        )
    )

    _enter(emit, Phase.COMPILING)
    emit_steps = EmitSteps(emit, config.batch_size, len(split.train))
    keeper = BestEpochKeeper(run, emit, emit_steps, model, preset.build((28, 28, 1), classes), split.validation)
    model.fit(
        pixels(split.train.images),
        one_hot(split.train.labels, classes),
        batch_size=config.batch_size,
        epochs=config.epochs,
        shuffle=True,
        verbose=0,
        callbacks=[
            FollowSchedule(lambda step: preset.schedule(step, steps, config.learning_rate)),
            emit_steps,
            StopWhenAsked(stop),
            AtEpochEnd(keeper.end_epoch),
        ],
    )
    complete = emit_steps.step == steps

    _enter(emit, Phase.TESTING)
    best = keras.saving.load_model(run.model_path, safe_mode=True)  # what is tested is what a user gets
    test = evaluate(best, split.test, model.loss, classes)
    _save_digits(run, "test", split.test)
    _save_predictions(run, "test", split.test, test)
    emit(
        RunEnded(
            time=time.time(),
            reason=EndReason.COMPLETED if complete else EndReason.STOPPED,
            best_epoch=keeper.best_epoch,
            test_loss=test.loss,
            test_accuracy=test.accuracy,
            test_confusion=test.confusion,
            seconds=time.monotonic() - began,
        )
    )


class BestEpochKeeper:
    """Evaluates the validation digits after each epoch, records the predictions, and keeps the best epoch's model.

    The model is saved from `exported`, a twin without training state: a third of the size, and compiled with the sparse
    loss, so that stock Keras' `evaluate(x, y)` takes the plain integer labels. Its optimizer is plain SGD because that
    has no variables a layer, which loading would miss.
    """

    def __init__(
        self, run: RunDirectory, emit: Emit, steps: EmitSteps, model: Any, exported: Any, validation: Digits
    ) -> None:
        self._run = run
        self._emit = emit
        self._steps = steps
        self._model = model
        self._exported = exported
        self._exported.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        self._validation = validation
        self.best_epoch: int | None = None
        self._best_accuracy = -1.0

    def end_epoch(self, epoch: int) -> None:
        """Evaluate, record, and save if no earlier epoch was better."""
        _enter(self._emit, Phase.VALIDATING)
        steps, validating = self._steps, time.monotonic()
        result = evaluate(self._model, self._validation, self._model.loss, self._exported.output_shape[-1])
        _save_predictions(self._run, epoch, self._validation, result)
        is_best = result.accuracy > self._best_accuracy
        now = time.monotonic()
        self._emit(
            EpochEnded(
                time=time.time(),
                epoch=epoch,
                step=steps.step,
                train_loss=steps.loss_sum / max(1, steps.digits),
                train_accuracy=steps.accuracy_sum / max(1, steps.digits),
                validation_loss=result.loss,
                validation_accuracy=result.accuracy,
                confusion=result.confusion,
                seconds=now - steps.epoch_began,
                validation_seconds=now - validating,
                is_best=is_best,
            )
        )
        if is_best:
            self.best_epoch, self._best_accuracy = epoch, result.accuracy
            self._exported.set_weights(self._model.get_weights())
            with replacing(self._run.model_path) as temporary:
                self._exported.save(temporary)
            self._emit(CheckpointSaved(time=time.time(), path=self._run.model_path.name, epoch=epoch, step=steps.step))


def _enter(emit: Emit, phase: Phase) -> None:
    emit(PhaseChanged(time=time.time(), phase=phase))


def _save_digits(run: RunDirectory, name: str, digits: Digits) -> None:
    run.save_arrays(run.digits_path(name), images=digits.images, labels=digits.labels, indices=digits.indices)


def _save_predictions(run: RunDirectory, name: str | int, digits: Digits, result: Evaluation) -> None:
    run.save_arrays(
        run.predictions_path(name),
        indices=digits.indices,
        labels=digits.labels,
        probabilities=halved(result.probabilities),
    )


def halved(probabilities: NDArray[np.float32]) -> NDArray[np.float16]:
    """Probabilities as float16, shape (n, classes), with the same winner in every row.

    Rounding can make two classes equal; the winner then goes up by one bit, so that a digit is found in the cell of the
    confusion matrix that counts it.
    """
    half = probabilities.astype(np.float16)
    winners = probabilities.argmax(axis=1)
    rows = np.flatnonzero(half.argmax(axis=1) != winners)
    half[rows, winners[rows]] = np.nextafter(half[rows].max(axis=1), np.float16(np.inf))
    return half

"""Synthetic runs over real MNIST digits, made in milliseconds and without Keras.

The stand-in for a model predicts a digit by its distance to the mean image of each class. The true class gets a bonus
that grows with the epochs, so the mistakes are the ambiguous digits, and they become fewer.

    run = make_recorded_run(tmp_path, epochs=3, n=200)              # a finished run
    recording = Recording.begin(tmp_path, planned=12, n=200)        # or epoch by epoch
    recording.end_epoch()
    run = made_run(tmp_path, (32, 32, 3), names)                    # a finished run of images of another shape
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.confusion import confusion_matrix
from mnist_tui.config import RunConfig
from mnist_tui.events import (
    CheckpointSaved,
    EndReason,
    EpochEnded,
    Event,
    Hardware,
    HardwareSampled,
    Layer,
    Phase,
    PhaseChanged,
    RollingEvaluated,
    RunEnded,
    RunStarted,
    StepEnded,
)
from mnist_tui.image_layout import MNIST_SHAPE, shape_of
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, create_run
from mnist_tui.runs.log import EventLog

ASSET = Path(__file__).parent.parent.parent / "assets" / "mnist.npz"
CLASSES = 10
STEPS_PER_EPOCH = 40
STEP_SECONDS = 0.5
VALIDATION_SECONDS = 2.0
BATCH = 64
LAYERS = (
    Layer("rescaling", "Rescaling", "", (28, 28, 1), 0, 0),
    Layer("conv2d", "Conv2D", "3×3 ReLU", (26, 26, 24), 240, 146_016),
    Layer("max_pooling2d", "MaxPooling2D", "2×2", (13, 13, 24), 0, 0),
    Layer("flatten", "Flatten", "", (4056,), 0, 0),
    Layer("dense", "Dense", "softmax", (CLASSES,), 40_570, 40_560),
)

Probabilities = NDArray[np.float16]


@cache
def mnist() -> dict[str, NDArray[Any]]:
    """Return the arrays of assets/mnist.npz."""
    with np.load(ASSET) as archive:
        return {key: archive[key] for key in archive.files}


@cache
def _class_means() -> NDArray[np.float32]:
    """Return the mean image of each class over the first 5,000 digits, `(classes, 784) float32`."""
    images, labels = mnist()["x_train"][:5000].reshape(5000, -1).astype(np.float32) / 255, mnist()["y_train"][:5000]
    return np.stack([images[labels == each].mean(axis=0) for each in range(CLASSES)])


def plausible_probabilities(images: NDArray[np.uint8], labels: NDArray[np.uint8], epoch: int) -> Probabilities:
    """Return the stand-in's probabilities after an epoch, `(n, classes) float16`. Rows add up to about 1."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    means = _class_means()
    distance = (flat**2).sum(axis=1)[:, None] - 2 * flat @ means.T + (means**2).sum(axis=1)
    logits = -distance * 0.35
    logits[np.arange(len(labels)), labels] += 5.6 - 5.4 / (1 + epoch)
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Probabilities = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float16)
    return probabilities


def confusion_of(labels: NDArray[np.uint8], probabilities: Probabilities) -> tuple[tuple[int, ...], ...]:
    """Return the confusion matrix as events hold it, counts at [true][predicted]."""
    classes = probabilities.shape[1]
    return tuple(map(tuple, confusion_matrix(labels, probabilities.argmax(axis=1), classes).tolist()))


@dataclass(frozen=True)
class MadeData:
    """Blobs on a gradient, grey or RGB; the class decides where they are and what colour they have."""

    images: NDArray[np.uint8]
    """Shape (n, height, width) or (n, height, width, 3)."""
    labels: NDArray[np.uint8]
    names: tuple[str, ...]

    def probabilities(self, epoch: int) -> Probabilities:
        """Return the predictions after an epoch, `(n, classes) float16`: mistakes are mostly neighbouring classes."""
        random, classes = np.random.default_rng(epoch), len(self.names)
        shifts = np.array([0, 1, -1, classes // 2])
        guessed = (self.labels + random.choice(shifts, len(self.labels), p=(0.7, 0.15, 0.1, 0.05))) % classes
        logits = random.normal(0, 1, (len(self.labels), classes))
        logits[np.arange(len(self.labels)), guessed] += random.uniform(1, 8, len(self.labels))
        exponents = np.exp(logits)
        probabilities: Probabilities = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float16)
        return probabilities


def made_data(shape: tuple[int, ...], names: Sequence[str], n: int) -> MadeData:
    """Return `n` images of a shape, (height, width) or (height, width, 3), in `len(names)` classes."""
    height, width = shape[:2]
    labels = (np.arange(n) % len(names)).astype(np.uint8)
    angles = labels * (2 * np.pi / len(names))
    down, across = np.mgrid[:height, :width]
    y, x = (0.5 + 0.3 * np.sin(angles)) * height, (0.5 + 0.3 * np.cos(angles)) * width
    distance = np.hypot((down - y[:, None, None]) / height, (across - x[:, None, None]) / width)
    blobs = np.exp(-((distance / 0.2) ** 2)) * 255
    if len(shape) == 2:
        return MadeData(blobs.astype(np.uint8), labels, tuple(names))
    tint = (1 + np.cos(angles[:, None] + np.arange(3) * 2 * np.pi / 3)) / 2
    images = blobs[..., None] * tint[:, None, None] + (across / width * 90)[None, ..., None] * (1 - tint)[:, None, None]
    return MadeData(np.minimum(images, 255).astype(np.uint8), labels, tuple(names))


class Recording:
    """A run directory that is written event by event, with event times that follow from its creation."""

    def __init__(self, run: RunDirectory, planned: int, n: int, made: MadeData | None = None) -> None:
        self.run = run
        self.planned = planned
        self.epoch = 0
        """Number of epochs that have ended."""
        self.time = run.record().created
        self._log = EventLog(run.events_path)
        self._best = 0.0
        self._made = made
        if made is not None:
            self.indices = np.arange(len(made.labels), dtype=np.int32)
            self.images, self.labels = made.images, made.labels
            return
        rows = np.random.default_rng(7).choice(np.arange(5000, 60_000), n, replace=n > 55_000)
        self.indices = np.sort(rows).astype(np.int32)
        self.images, self.labels = mnist()["x_train"][self.indices], mnist()["y_train"][self.indices]

    @classmethod
    def begin(
        cls, home: Path, *, planned: int = 3, n: int = 200, name: str = "brave-otter", made: MadeData | None = None
    ) -> "Recording":
        """Create the run directory under `home` with its `n` validation digits, and write up to the first step."""
        config = RunConfig(
            preset="fast",
            epochs=planned,
            batch_size=BATCH,
            learning_rate=0.01,
            optimizer="adamw",
            seed=7,
            data="mnist",
            name=name,
        )
        with patch.dict(os.environ, {HOME_VARIABLE: str(home)}):
            recording = cls(create_run(config), planned, n, made)
        recording._start()
        return recording

    def train(self, steps: int = STEPS_PER_EPOCH) -> None:
        """Write the first `steps` steps of the next epoch."""
        for position in range(1, steps + 1):
            step = self.epoch * STEPS_PER_EPOCH + position
            self._write(
                StepEnded(
                    time=self._later(STEP_SECONDS),
                    step=step,
                    epoch=self.epoch + 1,
                    metrics={
                        "loss": 2.3 / (1 + step / 12) + 0.05 * abs(math.sin(step)),
                        "accuracy": 1 - 0.9 / (1 + step / 6),
                        "learning_rate": 0.01,
                        "images_per_second": BATCH / STEP_SECONDS,
                    },
                )
            )

    def roll(self, step: int, first_step: int, count: int) -> RollingEvaluated:
        """Write a rolling evaluation of the first `count` validation digits after `step` of the next epoch."""
        rows, before = slice(count), self.epoch * STEPS_PER_EPOCH
        labels, probabilities = self.labels[rows], self._predict(self.images, self.labels)[rows]
        event = RollingEvaluated(
            time=self._later(0),
            step=before + step,
            first_step=before + first_step,
            epoch=self.epoch + 1,
            count=count,
            validation={"loss": 0.5, "accuracy": float((probabilities.argmax(axis=1) == labels).mean())},
            confusion=confusion_of(labels, probabilities),
            seconds=0.02,
        )
        self.run.save_arrays(
            self.run.rolling_path(event.step),
            indices=self.indices[rows],
            labels=labels,
            probabilities=probabilities,
            steps=np.linspace(event.first_step, event.step, count).astype(np.int32),
        )
        self._write(event)
        return event

    def end_epoch(self, probabilities: Probabilities | None = None, *, with_predictions: bool = True) -> EpochEnded:
        """Train and validate one epoch. `probabilities` `(n, classes)` replace the stand-in's."""
        self.train()
        self._write(PhaseChanged(time=self._later(0), phase=Phase.VALIDATING))
        self.epoch += 1
        if probabilities is None:
            probabilities = self._predict(self.images, self.labels)
        if with_predictions:
            self.run.save_arrays(
                self.run.predictions_path(self.epoch),
                indices=self.indices,
                labels=self.labels,
                probabilities=probabilities,
            )
        accuracy = float((probabilities.argmax(axis=1) == self.labels).mean())
        ended = EpochEnded(
            time=self._later(VALIDATION_SECONDS),
            epoch=self.epoch,
            step=self.epoch * STEPS_PER_EPOCH,
            train={"loss": 0.4 / self.epoch, "accuracy": 1 - 0.05 / self.epoch},
            validation={"loss": 0.3 / self.epoch, "accuracy": accuracy},
            confusion=confusion_of(self.labels, probabilities),
            seconds=STEPS_PER_EPOCH * STEP_SECONDS + VALIDATION_SECONDS,
            validation_seconds=VALIDATION_SECONDS,
            is_best=accuracy > self._best,
        )
        self._best = max(self._best, accuracy)
        self._write(ended)
        self._write(
            CheckpointSaved(
                time=self._later(0), path="model.keras", epoch=self.epoch, step=self.epoch * STEPS_PER_EPOCH
            )
        )
        if self.epoch < self.planned:
            self._write(PhaseChanged(time=self._later(0), phase=Phase.TRAINING))
        return ended

    def finish(self, reason: EndReason = EndReason.COMPLETED) -> None:
        """Test on 100 test images and end the run."""
        self._write(PhaseChanged(time=self._later(0), phase=Phase.TESTING))
        images, labels = mnist()["x_test"][:100], mnist()["y_test"][:100]
        if self._made is not None:
            images, labels = self.images, self.labels
        indices = np.arange(len(labels), dtype=np.int32)
        probabilities = self._predict(images, labels)
        self.run.save_arrays(self.run.digits_path("test"), images=images, labels=labels, indices=indices)
        self.run.save_arrays(
            self.run.predictions_path("test"), indices=indices, labels=labels, probabilities=probabilities
        )
        self._write(
            RunEnded(
                time=self._later(VALIDATION_SECONDS),
                reason=reason,
                best_epoch=self.epoch or None,
                test_loss=0.05,
                test_accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
                test_confusion=confusion_of(labels, probabilities),
                seconds=self.time - self.run.record().created,
            )
        )
        self._log.close()

    def _start(self) -> None:
        self.run.save_arrays(
            self.run.digits_path("validation"), images=self.images, labels=self.labels, indices=self.indices
        )
        for phase in (Phase.IMPORTING, Phase.LOADING, Phase.BUILDING, Phase.COMPILING):
            self._write(PhaseChanged(time=self._later(1), phase=phase))
        self._write(
            RunStarted(
                time=self._later(1),
                layers=LAYERS,
                class_names=self._made.names if self._made is not None else tuple(map(str, range(CLASSES))),
                train_count=STEPS_PER_EPOCH * BATCH,
                validation_count=len(self.labels),
                test_count=100,
                epochs=self.planned,
                steps_per_epoch=STEPS_PER_EPOCH,
                hardware=Hardware("CPU", 2, 8 << 30),
                image_shape=shape_of(self.images) or MNIST_SHAPE,
            )
        )
        self._write(PhaseChanged(time=self._later(0), phase=Phase.TRAINING))
        self._write(
            HardwareSampled(
                time=self._later(0), engine_cpu=190.0, engine_memory=2 << 30, machine_cpu=97.0, machine_memory=3 << 30
            )
        )

    def _predict(self, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Probabilities:
        if self._made is not None:
            return self._made.probabilities(max(1, self.epoch))
        return plausible_probabilities(images, labels, max(1, self.epoch))

    def _write(self, event: Event) -> None:
        self._log.append(event)

    def _later(self, seconds: float) -> float:
        self.time += seconds
        return self.time


def make_recorded_run(home: Path, epochs: int = 3, n: int = 200, *, planned: int | None = None) -> RunDirectory:
    """Return a run of `epochs` epochs over `n` validation digits: finished, or crashed if more were `planned`."""
    recording = Recording.begin(home, planned=planned or epochs, n=n)
    for _ in range(epochs):
        recording.end_epoch()
    if recording.epoch == recording.planned:
        recording.finish()
    return recording.run


def made_run(
    home: Path, shape: tuple[int, ...] = (32, 32, 3), names: Sequence[str] = "0123456789", n: int = 200
) -> RunDirectory:
    """Return a finished run of two epochs over `n` made images of a shape, in `len(names)` classes."""
    recording = Recording.begin(home, planned=2, made=made_data(shape, names, n))
    for _ in range(2):
        recording.end_epoch()
    recording.finish()
    return recording.run

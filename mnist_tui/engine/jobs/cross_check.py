"""Out-of-sample answers to all training and validation digits, for the question whether their labels are right.

The digits are dealt into FOLDS parts, and each part is read by a network that was trained on the others only. The
networks are of preset `fast` with its own recipe, whatever the run's: a minute must do.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.control.protocol import JobReport
from mnist_tui.engine import backends
from mnist_tui.engine.backends.runtime import plan_job
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.images import IMAGE_SHAPE
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.models.evaluation import Evaluation, one_hot, predict
from mnist_tui.engine.models.presets import PRESETS, compile_model
from mnist_tui.engine.training.callbacks import PrepareExecution
from mnist_tui.engine.training.recorder import save_digits, save_predictions
from mnist_tui.runs.directory import RunDirectory

FOLDS = 3
KEPT_DIGITS = 3_000
"""Digits that are kept: all that are read otherwise than they are labelled, and of the others the least sure ones."""
FEWEST_STEPS = 300
"""A few digits are trained on for more epochs than the recipe's."""
NAME = "train"


def cross_check_labels(run: RunDirectory) -> Iterator[JobReport]:
    """Train, read, and write predictions/train.npz and digits/train.npz; raises ConfigError and OSError."""
    config = run.record().config
    plan = plan_job(config)
    backends.current().prepare(plan)
    split = datasets.split(data := datasets.load(config.data), config.seed, config.limit)
    digits, classes = joined(split.train, split.validation), len(data.class_names)
    fold = np.random.default_rng(config.seed).permutation(len(digits)) % FOLDS
    probabilities = np.zeros((len(digits), classes), np.float32)
    for number in range(FOLDS):
        yield JobReport(f"training network {number + 1} of {FOLDS}", number / FOLDS)
        keras.utils.set_random_seed(config.seed + number)
        model = trained(digits.take(np.flatnonzero(fold != number)), classes, plan)
        held_out = np.flatnonzero(fold == number)
        yield JobReport(f"reading {len(held_out):,} digits", (number + 0.9) / FOLDS)
        probabilities[held_out] = predict(model, digits.images[held_out])
    rows = doubtful(digits.labels, probabilities)
    kept = digits.take(rows)
    nan = float("nan")
    save_digits(run, NAME, kept)
    save_predictions(run, NAME, kept, Evaluation(probabilities[rows], nan, nan, ()))
    yield JobReport("done", 1.0, NAME)


def trained(digits: Digits, classes: int, plan: Plan) -> Any:
    """A network of preset `fast`, trained on these digits by its own recipe."""
    preset = PRESETS["fast"]
    recipe = preset.recipe
    model = backends.current().prepare_model(preset.build(IMAGE_SHAPE, classes), plan)
    compile_model(preset, model, recipe.optimizer, recipe.learning_rate, jit=plan.jit)
    steps_per_epoch = -(-len(digits) // recipe.batch_size)
    epochs = max(recipe.epochs, -(-FEWEST_STEPS // steps_per_epoch))
    steps = steps_per_epoch * epochs

    def rate() -> float:
        return preset.schedule(int(model.optimizer.iterations), steps, recipe.learning_rate)

    model.fit(
        digits.images[..., np.newaxis],
        one_hot(digits.labels, classes),
        batch_size=recipe.batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=[PrepareExecution(rate)],
    )
    return model


def doubtful(labels: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> NDArray[np.intp]:
    """Rows to keep, ascending: p(label) minus the highest other probability is lowest there."""
    others = probabilities.copy()
    rows = np.arange(len(labels))
    others[rows, labels] = -1
    margins = probabilities[rows, labels] - others.max(axis=1)
    count = max(KEPT_DIGITS, int((margins < 0).sum()))
    return np.sort(np.argsort(margins, kind="stable")[:count])


def joined(one: Digits, other: Digits) -> Digits:
    """Both parts' digits in the order of their indices."""
    images = np.concatenate([one.images, other.images])
    labels = np.concatenate([one.labels, other.labels])
    indices = np.concatenate([one.indices, other.indices])
    return Digits(images, labels, indices).take(np.argsort(indices))

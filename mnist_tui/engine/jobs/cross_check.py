"""Out-of-sample predictions of all training and validation images, to find label issues.

The images are dealt into FOLDS folds, and each fold is predicted by a model that was trained on the other folds. The
models are of preset `fast` with its own recipe, whatever the run's preset, so that a minute is enough.
"""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.config import DataFacts
from mnist_tui.control.jobs import JobReport
from mnist_tui.engine import backends
from mnist_tui.engine.backends.runtime import plan_job
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.models.evaluation import Evaluation, one_hot, predict
from mnist_tui.engine.models.presets import PRESETS, compile_model
from mnist_tui.engine.training.callbacks import PrepareExecution
from mnist_tui.engine.training.recorder import save_digits, save_predictions
from mnist_tui.image_layout import with_channels
from mnist_tui.runs.directory import RunDirectory

FOLDS = 3
KEPT_DIGITS = 3_000
"""Number of digits to keep, those with the least probable labels first. Misclassified digits are always kept."""
MIN_STEPS = 300
"""Minimum number of steps: a small data set is trained for more epochs than the recipe's."""
NAME = "train"


def cross_check_labels(run: RunDirectory) -> Iterator[JobReport]:
    """Write predictions/train.npz and digits/train.npz. Raise ConfigError or OSError."""
    record = run.record()
    config = record.config
    plan = plan_job(config)
    backends.current().prepare(plan)
    data, split = datasets.load_of_run(config)
    record.check_data(data.checksum)
    digits = concatenated(split.train, split.validation)
    fold = np.random.default_rng(config.seed).permutation(len(digits)) % FOLDS
    probabilities = np.zeros((len(digits), data.facts.classes), np.float32)
    for number in range(FOLDS):
        yield JobReport(f"training model {number + 1} of {FOLDS}", number / FOLDS)
        keras.utils.set_random_seed(config.seed + number)
        model = trained(digits.take(np.flatnonzero(fold != number)), data.facts, plan)
        held_out = held_out_rows(digits.labels, fold, number)
        yield JobReport(f"predicting {len(held_out):,} images", (number + 0.9) / FOLDS)
        probabilities[held_out] = predict(model, digits.images[held_out])
    checked = np.flatnonzero(probabilities.any(axis=1))
    rows = checked[doubtful(digits.labels[checked], probabilities[checked])]
    kept = digits.take(rows)
    nan = float("nan")
    save_digits(run, NAME, kept)
    save_predictions(run, NAME, kept, Evaluation(probabilities[rows], nan, nan, ()))
    yield JobReport("done", 1.0, NAME)


def held_out_rows(labels: NDArray[np.uint8], fold: NDArray[np.int64], number: int) -> NDArray[np.intp]:
    """Return the rows of a fold, without those of classes that no other fold has: no model knows them."""
    return np.flatnonzero((fold == number) & np.isin(labels, labels[fold != number]))


def trained(digits: Digits, facts: DataFacts, plan: Plan) -> Any:
    """Return a model of preset `fast`, trained on these digits with its own recipe."""
    preset = PRESETS["fast"]
    recipe = preset.recipe
    model = backends.current().prepare_model(preset.build(facts.image_shape, facts.classes), plan)
    compile_model(preset, model, recipe.optimizer, recipe.learning_rate, jit=plan.jit)
    steps_per_epoch = -(-len(digits) // recipe.batch_size)
    epochs = max(recipe.epochs, -(-MIN_STEPS // steps_per_epoch))
    steps = steps_per_epoch * epochs

    def rate() -> float:
        return preset.schedule(int(model.optimizer.iterations), steps, recipe.learning_rate)

    model.fit(
        with_channels(digits.images),
        one_hot(digits.labels, facts.classes),
        batch_size=recipe.batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=[PrepareExecution(rate)],
    )
    return model


def doubtful(labels: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the rows to keep, ascending: those with the lowest p(label) minus the highest other probability."""
    others = probabilities.copy()
    rows = np.arange(len(labels))
    others[rows, labels] = -1
    margins = probabilities[rows, labels] - others.max(axis=1)
    count = max(KEPT_DIGITS, int((margins < 0).sum()))
    return np.sort(np.argsort(margins, kind="stable")[:count])


def concatenated(one: Digits, other: Digits) -> Digits:
    """Return the digits of two splits in the order of their indices."""
    images = np.concatenate([one.images, other.images])
    labels = np.concatenate([one.labels, other.labels])
    indices = np.concatenate([one.indices, other.indices])
    return Digits(images, labels, indices).take(np.argsort(indices))

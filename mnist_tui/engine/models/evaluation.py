"""A model and digits -> what is recorded of an evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine import backends
from mnist_tui.engine.data.datasets import Digits

BATCH = 250
"""Digits read at once on a CPU: with 1,000, `reference` needed 400 MB more than to train, and not a CPU-second less."""
GPU_BATCH = 1_000
"""On a GPU: `reference` reads 5,000 in 5.7 ms, by 250 in 17.2 (H200, JAX)."""


@dataclass(frozen=True)
class Evaluation:
    """Probabilities (n, classes) float32, the mean loss, the accuracy 0..1, and confusion[true][predicted] counts."""

    probabilities: NDArray[np.float32]
    loss: float
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]


def evaluate(model: Any, digits: Digits, loss: Any, others: Sequence[NDArray[np.float32]] = ()) -> Evaluation:
    """Read digits with a model. `loss` is the function trained with, so that both curves measure the same thing.

    `others` are the probabilities of an ensemble's other networks: their mean is what is evaluated.
    """
    own = predict(model, digits.images)
    probabilities = np.mean([*others, own], axis=0) if others else own
    predicted, classes = probabilities.argmax(axis=1), probabilities.shape[1]
    confusion = np.zeros((classes, classes), dtype=int)
    np.add.at(confusion, (digits.labels, predicted), 1)
    return Evaluation(
        probabilities=probabilities,
        loss=float(loss(one_hot(digits.labels, classes), probabilities)),
        accuracy=float((predicted == digits.labels).mean()),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def predict(model: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a model makes of pictures (n, 28, 28): probabilities (n, classes)."""
    batch = GPU_BATCH if backends.current().gpus() else BATCH
    return np.asarray(model.predict(images[..., np.newaxis], batch_size=batch, verbose=0), dtype=np.float32)


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures as the networks take them: raw 0..255, shape (n, 28, 28, 1)."""
    return images[..., np.newaxis].astype(np.float32)


def one_hot(labels: NDArray[np.uint8], classes: int) -> NDArray[np.float32]:
    """Shape (n, classes), 1 at the label."""
    return np.eye(classes, dtype=np.float32)[labels]


def to_float16(probabilities: NDArray[np.float32]) -> NDArray[np.float16]:
    """Probabilities as float16, shape (n, classes), with the same winner in every row.

    Rounding can make two classes equal; the winner then goes up by one bit, so that a digit is found in the cell of the
    confusion matrix that counts it.
    """
    half = probabilities.astype(np.float16)
    winners = probabilities.argmax(axis=1)
    rows = np.flatnonzero(half.argmax(axis=1) != winners)
    half[rows, winners[rows]] = np.nextafter(half[rows].max(axis=1), np.float16(np.inf))
    return half

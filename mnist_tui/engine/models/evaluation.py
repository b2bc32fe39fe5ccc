"""Evaluation of a model on labelled images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.confusion import confusion_matrix
from mnist_tui.engine import backends
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.images import SIDE
from mnist_tui.events import Matrix
from mnist_tui.image_layout import with_channels

BATCH = 250
"""28x28 images per prediction batch on a CPU. 1,000 would need 400 MB more for `reference` and save no CPU time."""
GPU_BATCH = 1_000
"""28x28 images per prediction batch on a GPU."""


@dataclass(frozen=True)
class Evaluation:
    """Predictions of a model and the metrics that follow from them."""

    probabilities: NDArray[np.float32]
    """Shape (n, classes)."""
    loss: float
    """Mean over the images."""
    accuracy: float
    """0..1."""
    confusion: Matrix
    """Counts by true class, then by predicted class."""


def evaluate(model: Any, digits: Digits, loss: Any, others: Sequence[NDArray[np.float32]] = ()) -> Evaluation:
    """Evaluate a model, or the ensemble of which it is a member.

    Args:
        model: Keras model that returns probabilities.
        digits: Labelled images.
        loss: Loss function used in training, so that training and validation loss are comparable.
        others: Probabilities of the other members of the ensemble. The mean over all members is evaluated.
    """
    own = predict(model, digits.images)
    probabilities = np.mean([*others, own], axis=0) if others else own
    return Evaluation(
        probabilities=probabilities,
        loss=float(loss(one_hot(digits.labels, probabilities.shape[1]), probabilities)),
        accuracy=float((probabilities.argmax(axis=1) == digits.labels).mean()),
        confusion=confusion_of(digits.labels, probabilities),
    )


def confusion_of(labels: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> Matrix:
    """Return the confusion matrix of predictions (n, classes): counts by true class, then by predicted class."""
    return tuple(map(tuple, confusion_matrix(labels, probabilities.argmax(axis=1), probabilities.shape[1]).tolist()))


def predict(model: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities (n, classes) that a model predicts for images."""
    return backends.current().predict(model, with_channels(images), batch_size_for(images))


def batch_size_for(images: NDArray[np.uint8]) -> int:
    """Return how many of these images are predicted at once."""
    return batch_of(images, GPU_BATCH if backends.current().gpus() else BATCH)


def batch_of(images: NDArray[np.uint8], count: int) -> int:
    """Return how many of these images need at most the memory of `count` images of 28x28, which is the maximum."""
    pixels_each: int = images.shape[1] * images.shape[2]
    return max(1, min(count, count * SIDE**2 // pixels_each))


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images as model input: raw pixels 0..255, shape (n, height, width, channels)."""
    return with_channels(images).astype(np.float32)


def one_hot(labels: NDArray[np.uint8], classes: int) -> NDArray[np.float32]:
    """Return one-hot labels (n, classes)."""
    return np.eye(classes, dtype=np.float32)[labels]


def to_float16(probabilities: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return probabilities (n, classes) as float16 with the same predicted class in every row.

    Rounding can make two classes equal. The predicted class is then raised by one bit, so that every digit stays in
    the cell of the confusion matrix that counts it.
    """
    rounded = probabilities.astype(np.float16)
    predicted = probabilities.argmax(axis=1)
    rows = np.flatnonzero(rounded.argmax(axis=1) != predicted)
    rounded[rows, predicted[rows]] = np.nextafter(rounded[rows].max(axis=1), np.float16(np.inf))
    return rounded

"""Gradients of one fixed network, and bent digits, by KERAS_BACKEND: python -m tests.engine.gradients FILE.npz"""

import sys

import keras
import numpy as np

from mnist_tui.engine import backends
from mnist_tui.engine.augmentation import draw
from mnist_tui.engine.evaluation import one_hot, pixels
from mnist_tui.engine.presets import Augmentation
from tests.engine.samples import few_digits

DIGITS = 16
WANTED = 3


def network() -> keras.Model:
    """Small, with weights that no backend draws."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, strides=2),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    random = np.random.default_rng(4)
    model.set_weights([random.uniform(0.01, 0.2, weight.shape) for weight in model.get_weights()])
    model.compile("sgd", loss="categorical_crossentropy")
    model.loss = keras.losses.CategoricalCrossentropy()
    return model


if __name__ == "__main__":
    model, digits = network(), few_digits(DIGITS)
    images = pixels(digits.images)
    backend, targets = backends.current(), one_hot(digits.labels, 10)
    warps = draw(Augmentation(), DIGITS, seed=1, epoch=0)
    bent, _ = next(iter(backend.batches(digits.images[..., np.newaxis], targets, DIGITS, warps)))
    np.savez(
        sys.argv[1],
        pixels=backend.log_probability_gradient(model)(images, WANTED),
        norms=backend.gradient_norms(model)(images, targets),
        bent=np.asarray(bent),
    )

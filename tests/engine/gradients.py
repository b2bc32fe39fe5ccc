"""What a backend makes of one fixed network and few digits: KERAS_BACKEND=X python -m tests.engine.gradients FILE"""

import sys

import keras
import numpy as np

from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.data.augmentation import draw_warps
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.images import Augmentation
from mnist_tui.engine.models.evaluation import one_hot, pixels
from tests.engine.samples import few_digits

DIGITS = 16
WANTED = 3
BATCH, AT_ONCE, RATE = 3, 2, 0.01
"""Five batches and a rest of one digit: executions of 2, 2 and 1 steps and that rest."""


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


def trained(digits: Digits) -> np.ndarray:
    """All weights, one after the other, after an epoch of which several steps are taken at once where that is known."""
    model, backend = network(), backends.current()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # no two backends drop the same
    model.compile(keras.optimizers.SGD(RATE), loss="categorical_crossentropy")
    at_once = 1 if keras.backend.backend() == "torch" else AT_ONCE
    backend.set_steps_per_execution(model, at_once, BATCH)
    feed = Feed(digits.images[..., np.newaxis], one_hot(digits.labels, 10), BATCH, steps_per_execution=at_once)
    model.fit(backend.batches(feed), verbose=0, shuffle=False)
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


if __name__ == "__main__":
    model, digits = network(), few_digits(DIGITS)
    images = pixels(digits.images)
    backend, targets = backends.current(), one_hot(digits.labels, 10)
    warps = draw_warps(Augmentation(), DIGITS, seed=1, epoch=0)
    bent, _ = next(iter(backend.batches(Feed(digits.images[..., np.newaxis], targets, DIGITS, warps))))
    np.savez(
        sys.argv[1],
        pixels=backend.log_probability_gradient(model)(images, WANTED),
        norms=backend.gradient_norms(model)(images, targets),
        bent=np.asarray(bent),
        trained=trained(digits),
    )

"""Results of a backend for one fixed model and few images: KERAS_BACKEND=X python -m tests.engine.gradients FILE"""

import sys
from typing import Any

import keras
import numpy as np

from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.data.augmentation import draw_warps
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.images import Augmentation
from mnist_tui.engine.models.evaluation import one_hot, pixels
from mnist_tui.engine.service.attribution import AttributedModel
from mnist_tui.image_layout import MNIST_SHAPE
from tests.engine.samples import few_digits

DIGITS = 16
WANTED = 3
BATCH, STEPS_PER_EXECUTION, RATE = 3, 2, 0.01
"""Five batches and a smaller one: executions of 2, 2 and 1 steps and the rest."""


def small_model() -> keras.Model:
    """Return a small model with weights that do not depend on the backend's random numbers."""
    model = keras.Sequential(
        [
            keras.Input(MNIST_SHAPE),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, strides=2, name="conv"),
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


def weights_after_an_epoch(digits: Digits) -> np.ndarray:
    """Return all weights after an epoch with several steps per execution, if the backend supports that."""
    model, backend = small_model(), backends.current()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # no two backends drop the same units
    model.compile(keras.optimizers.SGD(RATE), loss="categorical_crossentropy")
    spec = backends.BACKENDS[keras.backend.backend()]
    steps = STEPS_PER_EXECUTION if spec.has_steps_per_execution else 1
    backend.set_steps_per_execution(model, steps, BATCH)
    feed = Feed(digits.images[..., np.newaxis], one_hot(digits.labels, 10), BATCH, steps_per_execution=steps)
    model.fit(backend.batches(feed), verbose=0, shuffle=False)
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def results() -> dict[str, Any]:
    """Compute everything that all backends must agree on."""
    model, digits, backend = small_model(), few_digits(DIGITS), backends.current()
    images, targets = pixels(digits.images), one_hot(digits.labels, 10)
    warps = draw_warps(Augmentation(), DIGITS, seed=1, epoch=0)
    gradients, (outputs,) = backend.probe(model, [model.layers[2].output], lambda output: output)(images, targets)
    augmented, _ = next(iter(backend.batches(Feed(digits.images[..., np.newaxis], targets, DIGITS, warps))))
    return {
        "pixels": backend.log_probability_gradient(model)(images, WANTED),
        "maps": np.stack(AttributedModel(model).feature_maps(images[0], WANTED, "conv")[0]),
        "gradients": np.concatenate([gradient.ravel() for gradient in gradients]),
        "outputs": keras.ops.convert_to_numpy(outputs),
        "augmented": np.asarray(augmented),
        "trained": weights_after_an_epoch(digits),
    }


if __name__ == "__main__":
    np.savez(sys.argv[1], **results())

"""The reference model as a Keras user writes it: a Sequential and `fit` over arrays, without mnist-tui.

    python -m tests.bench.stock [--epochs 6] [--limit DIGITS] [--steps N] [--preset NAME]

Prints a JSON line per epoch (images per second; seconds from the end of the first step to the end of its validation)
and one at the end (test accuracy; peak memory in bytes). With --preset it trains another preset's model in this way.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from tests.bench.peak import peak_bytes

DIGITS = Path(__file__).parent.parent.parent / "assets" / "mnist.npz"
BATCH_SIZE = 128
VALIDATION_SHARE = 1 / 12


def reference() -> Any:
    """Two blocks of two convolutions, and dense layers: 949,194 parameters."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main() -> None:
    """Load, train, test."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stock", description=__doc__)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--limit", type=int, default=60_000, help="number of training images")
    parser.add_argument("--steps", type=int, help="end the epoch after this step")
    parser.add_argument("--preset", help="train this preset's model instead")
    options = parser.parse_args()

    with np.load(DIGITS) as data:
        x, y = data["x_train"][: options.limit], data["y_train"][: options.limit]
        x_test, y_test = data["x_test"][: options.limit], data["y_test"][: options.limit]
    x, x_test = (images[..., np.newaxis].astype("float32") for images in (x, x_test))
    y, y_test = (keras.utils.to_categorical(labels, 10) for labels in (y, y_test))
    if options.preset is None:
        x, x_test = x / 255, x_test / 255
        model, optimizer, batch_size = reference(), keras.optimizers.Adam(1e-3), BATCH_SIZE
    else:  # which rescales by itself
        model, optimizer, batch_size = other(options.preset)
    held_out = round(len(x) * VALIDATION_SHARE)
    x_train, y_train, x_validation, y_validation = x[:-held_out], y[:-held_out], x[-held_out:], y[-held_out:]

    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        x_train,
        y_train,
        batch_size=batch_size,
        epochs=options.epochs,
        validation_data=(x_validation, y_validation),
        verbose=0,
        callbacks=[clock(len(x_train), batch_size, options.steps)],
    )
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    say(test_accuracy=accuracy, peak_bytes=peak_bytes("self"))


def other(preset: str) -> tuple[Any, Any, int]:
    """Return the model, the optimizer and the batch size of another preset."""
    from mnist_tui.engine.models.presets import PRESETS

    recipe = PRESETS[preset].recipe
    optimizer = keras.optimizers.get(recipe.optimizer)
    optimizer.learning_rate = recipe.learning_rate
    return PRESETS[preset].build((28, 28, 1), 10), optimizer, recipe.batch_size


def clock(digits: int, batch_size: int, steps: int | None) -> Any:
    """Return a callback that takes the time, and ends the epoch after `steps`."""
    times: dict[str, float] = {}

    def begin_epoch(epoch: int, logs: Any) -> None:  # noqa: ARG001
        times["begun"] = time.monotonic()

    def end_batch(batch: int, logs: Any) -> None:  # noqa: ARG001
        times["step"] = time.monotonic()
        times.setdefault("first", times["step"])
        times["digits"] = min(digits, (batch + 1) * batch_size)
        if batch + 1 == steps:
            callback.model.stop_training = True

    def end_epoch(epoch: int, logs: Any) -> None:
        say(
            epoch=epoch + 1,
            images_per_second=times["digits"] / (times["step"] - times["begun"]),
            seconds=time.monotonic() - times["first"],
            validation_accuracy=logs["val_accuracy"],
        )

    callback = keras.callbacks.LambdaCallback(
        on_epoch_begin=begin_epoch, on_train_batch_end=end_batch, on_epoch_end=end_epoch
    )
    return callback


def say(**figures: object) -> None:
    """Print one line of JSON."""
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()

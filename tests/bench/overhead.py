"""What watching costs the training."""

import os
import statistics
import subprocess
import sys

from mnist_tui.engine.devices import NICENESS
from tests.bench.result import Result
from tests.bench.training import end, epoch_speed, temporary_home, training

PAIRS = 5
EPOCHS = 2
"""The first one compiles; the last one is timed."""
PLAIN = """
import sys, time
import numpy as np, keras
from mnist_tui.engine import datasets
from mnist_tui.engine.presets import PRESETS, compile_model
preset, limit, epochs = PRESETS[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
recipe = preset.recipe
train = datasets.split(datasets.load("mnist"), 0, limit).train
x, y = train.images[..., None].astype("float32"), keras.utils.to_categorical(train.labels, 10)
model = preset.build((28, 28, 1), 10)
compile_model(preset, model, recipe.optimizer, recipe.learning_rate, jit="auto")
class Timed(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()
    def on_epoch_end(self, epoch, logs=None):
        print("images/s", len(x) / (time.monotonic() - self.began), flush=True)
model.fit(x, y, batch_size=recipe.batch_size, epochs=epochs, verbose=0, callbacks=[Timed()])
"""
"""What somebody writes who wants no more than a trained network."""


def overhead() -> Result:
    """Images a second of the engine with its screen in front, over a plain script's `model.fit`: preset fast."""
    return _overhead("fast", batch=64, limit=15_000)


def overhead_reference() -> Result:
    """The same for preset reference."""
    return _overhead("reference", batch=128, limit=4_000)


def _overhead(preset: str, batch: int, limit: int) -> Result:
    ours, plain = [], []
    for _ in range(PAIRS):
        ours.append(_watched(preset, batch, limit))
        plain.append(_plain(preset, limit))
    ratios = [one / other for one, other in zip(ours, plain, strict=True)]
    return Result(
        value=round(statistics.median(ratios), 3),
        unit="x the plain script",
        bar=1.0,
        higher_is_better=True,
        raw={
            "preset": preset,
            "pairs": PAIRS,
            "niceness_of_both": NICENESS,
            "images_per_second": [round(one) for one in ours],
            "plain_images_per_second": [round(one) for one in plain],
            "ratio_of_the_fastest": round(max(ours) / max(plain), 3),
            "ratio_min": round(min(ratios), 3),
            "ratio_max": round(max(ratios), 3),
        },
    )


def _watched(preset: str, batch: int, limit: int) -> float:
    flags = ("--preset", preset, "--limit", str(limit), "--epochs", str(EPOCHS))
    with temporary_home() as home, training(home, *flags) as (terminal, run):
        terminal.wait_for("test accuracy", timeout=600)
        speed = epoch_speed(run, EPOCHS, batch)
        end(terminal)
    return speed


def _plain(preset: str, limit: int) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, preset, str(limit), str(EPOCHS)],
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"},
        preexec_fn=lambda: os.nice(NICENESS),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])

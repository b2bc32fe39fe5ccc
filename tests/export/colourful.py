"""Synthetic runs over RGB images of many classes, with names that need escaping, made in milliseconds."""

import math

import numpy as np

from mnist_tui.analysis.confusion import confusion_matrix
from mnist_tui.event_lines import encode
from mnist_tui.events import AnyEvent, EpochEnded, Hardware, Layer, RunStarted, StepEnded
from mnist_tui.runs.directory import RunDirectory, create_run
from tests.kit import samples

NAMES = ("<script>alert(1)</script>", "a|b*", "猫 & 犬", "T-shirt/top")


def colourful_run(*, classes: int = 100, side: int = 32, steps: int = 40, images: int = 1_000) -> RunDirectory:
    """Return a run without a test, of which one epoch was validated: a third of its images are misclassified."""
    run = create_run(samples.config(epochs=2, name="colourful"))
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, images).astype(np.uint8)
    probabilities = random.random((images, classes)) / classes
    predicted = np.where(random.random(images) < 0.33, (labels + 1) % classes, labels)
    probabilities[np.arange(images), predicted] += random.random(images) * 3 + 0.1
    probabilities = (probabilities / probabilities.sum(axis=1, keepdims=True)).astype(np.float16)
    indices = np.arange(images, dtype=np.int32)
    pictures = random.integers(0, 256, (images, side, side, 3)).astype(np.uint8)
    run.save_arrays(run.digits_path("validation"), images=pictures, labels=labels, indices=indices)
    run.save_arrays(run.predictions_path(1), indices=indices, labels=labels, probabilities=probabilities)
    now = run.record().created
    started = RunStarted(
        time=now,
        layers=(Layer("dense", "Dense", "softmax", (classes,), 1_000, 1_000),),
        class_names=(*NAMES, *(f"class {number}" for number in range(len(NAMES), classes)))[:classes],
        train_count=6_400,
        validation_count=images,
        test_count=0,
        epochs=2,
        steps_per_epoch=steps,
        hardware=Hardware("CPU", 2, 8 << 30),
    )
    events: list[AnyEvent] = [started]
    for step in range(1, steps + 1):
        loss = None if step == steps // 2 else 4 / step + 0.1 * abs(math.sin(step))
        metrics = {"loss": loss, "accuracy": 1 - 0.9 / step, "learning_rate": 0.01, "images_per_second": 100.0}
        events.append(StepEnded(time=now + step, step=step, epoch=1, metrics=metrics))
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1), classes)
    events.append(
        EpochEnded(
            time=now + steps + 1,
            epoch=1,
            step=steps,
            train={"loss": 0.5, "accuracy": 0.9},
            validation={"loss": 0.6, "accuracy": float(matrix.trace() / images)},
            confusion=tuple(map(tuple, matrix.tolist())),
            seconds=float(steps),
            validation_seconds=1.0,
            is_best=True,
        )
    )
    run.events_path.write_bytes(b"".join(map(encode, events)))
    return run

"""Recorded runs of other data sets: any class names, and classes without an example."""

import os
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.confusion import confusion_matrix
from mnist_tui.events import EpochEnded, Hardware, RunStarted
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, create_run
from mnist_tui.runs.log import EventLog
from tests.kit import samples
from tests.kit.recorded import LAYERS, mnist

N = 260


def plausible(labels: NDArray[np.uint8], classes: int, epoch: int) -> NDArray[np.float16]:
    """Return probabilities (n, classes); every seventh example, fewer each epoch, is predicted as the next class."""
    probabilities = np.full((len(labels), classes), 0.1 / classes, dtype=np.float16)
    rows = np.arange(len(labels))
    predicted = np.where(rows % (6 + epoch) == 0, (labels + 1) % classes, labels)
    probabilities[rows, predicted] = 0.9
    return probabilities


def odd_run(home: Path, names: Sequence[str], *, epochs: int = 3, absent: int | None = None) -> RunDirectory:
    """Create a crashed run over N images whose labels cycle through the classes except `absent`."""
    classes = len(names)
    present = np.array([each for each in range(classes) if each != absent], dtype=np.uint8)
    labels = present[np.arange(N) % len(present)]
    indices = np.arange(N, dtype=np.int32)
    with patch.dict(os.environ, {HOME_VARIABLE: str(home)}):
        run = create_run(samples.config(name="odd-one"))
    created = run.record().created
    run.save_arrays(run.digits_path("validation"), images=mnist()["x_train"][:N], labels=labels, indices=indices)
    log = EventLog(run.events_path)
    log.append(
        RunStarted(
            time=created + 1,
            layers=LAYERS,
            class_names=tuple(names),
            train_count=640,
            validation_count=N,
            test_count=0,
            epochs=epochs,
            steps_per_epoch=10,
            hardware=Hardware("CPU", 2, 8 << 30),
        )
    )
    for epoch in range(1, epochs + 1):
        probabilities = plausible(labels, classes, epoch)
        run.save_arrays(run.predictions_path(epoch), indices=indices, labels=labels, probabilities=probabilities)
        counts = confusion_matrix(labels, probabilities.argmax(axis=1), classes)
        log.append(
            EpochEnded(
                time=created + 1 + epoch,
                epoch=epoch,
                step=epoch * 10,
                train={"loss": 0.5, "accuracy": 0.9},
                validation={"loss": 0.4, "accuracy": float(counts.trace() / N)},
                confusion=tuple(tuple(row) for row in counts.tolist()),
                seconds=1.0,
                validation_seconds=0.1,
                is_best=True,
            )
        )
    log.close()
    return run

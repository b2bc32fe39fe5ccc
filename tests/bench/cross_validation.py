"""Cross-validation of `best` on the training images, by which its recipe is chosen.

It uses no test image and is more precise than 5,000 validation images. Run it after a change of the recipe in
engine/models/presets.py and compare.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.bench.engines import temporary_home
from mnist_tui.resources import asset
from tests.bench.accuracy import flags
from tests.bench.result import Result
from tests.bench.training import train

FOLDS = 6
SHUFFLE_SEED = 7
BAR = 245
"""Mistakes of 60,000: 217 when `best` had one tower (H200, JAX), plus two standard deviations of such a count."""


def cross_validation(backend: str = "tensorflow", workers: int = 1) -> Result:
    """Mistakes of `best` on training images that it was not trained on (over an hour on a CPU)."""
    with temporary_home() as home, ThreadPoolExecutor(workers) as pool:
        folds = list(pool.map(lambda number: _fold(home / f"fold-{number}", number, backend), range(FOLDS)))
    return Result(
        value=sum(fold["mistakes"] for fold in folds),
        unit="misclassified of the 60,000 training images",
        bar=BAR,
        raw={"backend": backend, "folds": folds},
    )


def cut(number: int, path: Path) -> None:
    """Write an .npz of MNIST's training images in which fold `number` is the test set."""
    with np.load(asset("mnist.npz")) as data:
        images, labels = data["x_train"], data["y_train"]
    held, kept = rows(number, len(images))
    np.savez(path, x_train=images[kept], y_train=labels[kept], x_test=images[held], y_test=labels[held])


def rows(number: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of `count` images that fold `number` (from 0) holds out, and the other rows in order."""
    parts = np.array_split(np.random.default_rng(SHUFFLE_SEED).permutation(count), FOLDS)
    return parts[number], np.setdiff1d(np.arange(count), parts[number])


def _fold(home: Path, number: int, backend: str) -> dict[str, Any]:
    home.mkdir(parents=True, exist_ok=True)
    path = home / "digits.npz"
    cut(number, path)
    settings = {"preset": "best", "ensemble": "1", "backend": backend, "data": str(path), "seed": str(number)}
    run = train(home, *flags(settings))
    predictions = run.load_arrays(run.predictions_path("test"))
    mistakes = int((predictions["probabilities"].argmax(axis=1) != predictions["labels"]).sum())
    figures = {"seed": number, "digits": len(predictions["labels"]), "mistakes": mistakes}
    print(f"fold {number + 1} of {FOLDS}: {json.dumps(figures)}", file=sys.stderr, flush=True)
    return figures

"""Recorded predictions, read back with the pictures they are of."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.runs.directory import RunDirectory, RunError

VALIDATION, TEST, TRAIN = "validation", "test", "train"
CACHED = 4
"""Recordings kept in memory: a step of time travel forth and back reads nothing twice."""


@dataclass(frozen=True, order=True)
class Moment:
    """Which digits, and when they were read: validation digits after an epoch, or others once (`epoch` is None)."""

    split: str = VALIDATION
    epoch: int | None = None

    @property
    def words(self) -> str:
        """As it stands on screens."""
        if self.epoch is not None:
            return f"epoch {self.epoch}"
        return {TEST: "final test", TRAIN: "cross-check"}.get(self.split, self.split)


@dataclass(frozen=True)
class Predictions:
    """What the network made of one split's digits at one moment, and the digits; row i of all is one digit."""

    moment: Moment
    indices: NDArray[np.int32]
    """Shape (n,): position in the data set's training (or test) part."""
    labels: NDArray[np.uint8]
    """Shape (n,): true classes."""
    probabilities: NDArray[np.float16]
    """Shape (n, classes)."""
    images: NDArray[np.uint8]
    """Shape (n, 28, 28): 0 is paper, 255 ink."""

    @property
    def epoch(self) -> int | None:
        """The epoch after which they were read; None where there is no such thing."""
        return self.moment.epoch

    def __len__(self) -> int:
        return len(self.labels)


class PredictionFiles:
    """The recordings of one run. A file that was written anew (after a roll back) is read anew."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._read = lru_cache(maxsize=CACHED)(self._load)
        self._images = lru_cache(maxsize=CACHED)(self._load_images)

    def load(self, moment: Moment) -> Predictions:
        """Read the predictions of a moment; raises RunError when the file is missing or damaged."""
        path = self._run.predictions_path(moment.split if moment.epoch is None else moment.epoch)
        try:
            written = path.stat().st_mtime_ns
        except OSError as error:
            raise RunError(f"{path} cannot be read ({error.strerror})") from None
        return self._read(moment, written)

    def _load(self, moment: Moment, written: int) -> Predictions:  # noqa: ARG002 (part of the cache's key)
        path = self._run.predictions_path(moment.split if moment.epoch is None else moment.epoch)
        arrays = self._run.load_arrays(path)
        images = self._images(moment.split)
        try:
            predictions = Predictions(moment, arrays["indices"], arrays["labels"], arrays["probabilities"], images)
        except KeyError as error:
            raise RunError(f"{path} has no array {error}: it was not written by mnist-tui") from None
        lengths = {len(images), *(len(arrays[key]) for key in ("indices", "labels", "probabilities"))}
        if len(lengths) > 1 or predictions.probabilities.ndim != 2:
            raise RunError(f"{path} and the run's digits are of different lengths: one of them was cut short")
        return predictions

    def _load_images(self, split: str) -> NDArray[Any]:
        path = self._run.digits_path(split)
        try:
            return self._run.load_arrays(path)["images"]
        except KeyError as error:
            raise RunError(f"{path} has no array {error}: it was not written by mnist-tui") from None

    def evaluated(self) -> list[str]:
        """Names of the sets that `evaluate` has read, and of the cross-check, where there are any."""
        paths = sorted((self._run.path / "predictions").glob("*.npz"))
        return [path.stem for path in paths if not path.stem.startswith("epoch-") and path.stem != TEST]

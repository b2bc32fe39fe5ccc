"""Recorded predictions, read back with the pictures they are of."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.runs.directory import RunDirectory, RunError

VALIDATION, TEST, TRAIN = "validation", "test", "train"
OWN = frozenset({VALIDATION, TEST, TRAIN})
"""Digits that the run's engine knows; all others are of sets given to `evaluate`."""
CACHED = 4
"""Recordings kept in memory: a step of time travel forth and back reads nothing twice."""

Written = tuple[int | None, int | None]
"""When predictions and pictures were written, in ns; None for a file that is not there."""


@dataclass(frozen=True, order=True)
class EvaluationPoint:
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

    point: EvaluationPoint
    indices: NDArray[np.int32]
    """Shape (n,): position in the data set's training (or test) part."""
    labels: NDArray[np.uint8]
    """Shape (n,): true classes."""
    probabilities: NDArray[np.float16]
    """Shape (n, classes)."""
    images: NDArray[np.uint8]
    """Shape (n, 28, 28): 0 is paper, 255 ink."""
    held_out: NDArray[np.bool_] | None = None
    """Shape (n,): which of a cross-check are validation digits; None for all other digits, and when it is not known."""

    @property
    def epoch(self) -> int | None:
        """The epoch after which they were read; None where there is no such thing."""
        return self.point.epoch

    def split_of(self, row: int) -> str:
        """The split that a digit belongs to: a cross-check's digits are of two."""
        return VALIDATION if self.held_out is not None and self.held_out[row] else self.point.split

    def __len__(self) -> int:
        return len(self.labels)


class PredictionFiles:
    """The recordings of one run. A file that was written anew (after a roll back, or mended) is read anew."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._read = lru_cache(maxsize=CACHED)(self._load)
        self._images = lru_cache(maxsize=CACHED)(self._load_images)

    def load(self, point: EvaluationPoint) -> Predictions:
        """Read the predictions of a moment; raises RunError when the file is missing or damaged."""
        path = self._path(point)
        try:
            path.stat()
        except OSError as error:
            raise RunError(f"{path} cannot be read ({error.strerror})") from None
        return self._read(point, self.written(point))

    def written(self, point: EvaluationPoint) -> Written:
        """When the files of a moment were written: another value when one of them came, went or was mended."""
        return _written(self._path(point)), _written(self._run.digits_path(point.split))

    def _path(self, point: EvaluationPoint) -> Path:
        return self._run.predictions_path(point.split if point.epoch is None else point.epoch)

    def _load(self, point: EvaluationPoint, written: Written) -> Predictions:
        path = self._path(point)
        arrays = self._run.load_arrays(path)
        images = self._images(point.split, written[1])
        held_out = self._held_out(arrays) if point.split == TRAIN else None
        try:
            predictions = Predictions(
                point, arrays["indices"], arrays["labels"], arrays["probabilities"], images, held_out
            )
        except KeyError as error:
            raise RunError(f"{path} has no array {error}: it was not written by mnist-tui") from None
        lengths = {len(images), *(len(arrays[key]) for key in ("indices", "labels", "probabilities"))}
        if len(lengths) > 1 or predictions.probabilities.ndim != 2:
            raise RunError(f"{path} and the run's digits are of different lengths: one of them was cut short")
        return predictions

    def _held_out(self, arrays: dict[str, NDArray[Any]]) -> NDArray[np.bool_] | None:
        """Which of a cross-check's digits are validation digits; None when that cannot be read."""
        try:
            validation = self._run.load_arrays(self._run.digits_path(VALIDATION))["indices"]
            return np.isin(arrays["indices"], validation)
        except (RunError, KeyError):
            return None

    def _load_images(self, split: str, written: int | None) -> NDArray[Any]:  # noqa: ARG002 (part of the cache's key)
        path = self._run.digits_path(split)
        try:
            return self._run.load_arrays(path)["images"]
        except KeyError as error:
            raise RunError(f"{path} has no array {error}: it was not written by mnist-tui") from None

    def evaluated(self) -> list[str]:
        """Names of the sets that `evaluate` has read, and of the cross-check, where there are any."""
        paths = sorted((self._run.path / "predictions").glob("*.npz"))
        return [path.stem for path in paths if not path.stem.startswith("epoch-") and path.stem != TEST]


def _written(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None

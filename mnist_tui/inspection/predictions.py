"""Recorded predictions and their images."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.events import RollingEvaluated
from mnist_tui.image_layout import shape_of
from mnist_tui.runs.directory import TEST_AGAIN, RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.notes import rolling_words

VALIDATION, TEST, TRAIN = "validation", "test", "train"
OWN_SPLITS = frozenset({VALIDATION, TEST, TRAIN})
"""Splits of the run's own data; all others are data sets given to `evaluate`."""
CACHED = 4
"""Files kept in memory, so that stepping between neighbouring epochs reads nothing twice."""

Written = tuple[int | None, int | None]
"""Modification times of the predictions and the images in ns; None for a missing file."""


@dataclass(frozen=True, order=True)
class EvaluationPoint:
    """An evaluation: of the validation set after an epoch, of a part of it between two steps, or of another set.

    `epoch` is None except after an epoch, and `step` is None except between two steps, in a rolling evaluation.
    """

    split: str = VALIDATION
    epoch: int | None = None
    again: bool = False
    """True for the newest test, if the run was tested before."""
    step: int | None = None
    """Step of the newest prediction of a rolling evaluation."""
    first_step: int = field(default=0, compare=False)
    """Step of the oldest prediction of a rolling evaluation."""
    count: int = field(default=0, compare=False)
    """Images of a rolling evaluation."""
    total: int = field(default=0, compare=False)
    """Images of the split of a rolling evaluation."""

    @classmethod
    def of_rolling(cls, event: RollingEvaluated, total: int) -> "EvaluationPoint":
        """Return the point of a rolling evaluation of `total` validation images."""
        return cls(step=event.step, first_step=event.first_step, count=event.count, total=total)

    @property
    def words(self) -> str:
        """Name on screens."""
        if self.step is not None:
            return rolling_words(self.count, self.total, self.first_step, self.step)
        if self.epoch is not None:
            return f"epoch {self.epoch}"
        if self.again:
            return "test again"
        return {TEST: "final test", TRAIN: "cross-check"}.get(self.split, self.split)

    @property
    def short_words(self) -> str:
        """Name where there is little room."""
        return self.words if self.step is None else f"rolling to step {self.step:,}"

    @property
    def images_name(self) -> str:
        """Name of the images in the run directory, and of the predictions if there is no epoch."""
        return TEST_AGAIN if self.again else self.split


@dataclass(frozen=True)
class Predictions:
    """Predictions of one evaluation, with the images; row i of every array is one example."""

    point: EvaluationPoint
    indices: NDArray[np.int32]
    """Shape (n,): position in the data set's training (or test) set."""
    labels: NDArray[np.uint8]
    """Shape (n,): true classes."""
    probabilities: NDArray[np.float16]
    """Shape (n, classes)."""
    images: NDArray[np.uint8]
    """Shape (n, height, width) grey or (n, height, width, 3) RGB: 0 is the background, 255 full ink."""
    held_out: NDArray[np.bool_] | None = None
    """Shape (n,): validation examples of a cross-check; None for other evaluations, or if unknown."""
    steps: NDArray[np.int32] | None = None
    """Shape (n,): steps after which a rolling evaluation predicted the examples; None for other evaluations."""

    @property
    def epoch(self) -> int | None:
        """Epoch of the evaluation, if it has one."""
        return self.point.epoch

    @cached_property
    def margin(self) -> int:
        """Pixels at each side of an image that screens may cut off."""
        from mnist_tui.render.images import blank_margin  # brings Rich, which commands do without

        return blank_margin(self.images)

    def split_of(self, row: int) -> str:
        """Return the split of an example; a cross-check has examples of two."""
        return VALIDATION if self.held_out is not None and self.held_out[row] else self.point.split

    def __len__(self) -> int:
        return len(self.labels)


def newest_point(history: History) -> EvaluationPoint | None:
    """Return the newest evaluation of the validation images: an epoch's or a rolling one; None before the first."""
    event = history.newest_validation
    if isinstance(event, RollingEvaluated):
        return EvaluationPoint.of_rolling(event, history.validation_count)
    return EvaluationPoint(VALIDATION, event.epoch) if event is not None else None


class PredictionFiles:
    """The prediction files of one run. A file that changes (after a roll back, say) is read again."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._read = lru_cache(maxsize=CACHED)(self._load)
        self._digits = lru_cache(maxsize=CACHED)(self._load_digits)

    def load(self, point: EvaluationPoint) -> Predictions:
        """Read the predictions of an evaluation; raises RunError if the file is missing or damaged."""
        path = self._path(point)
        try:
            path.stat()
        except OSError as error:
            self._run.record().check_is_own()
            raise RunError(f"{path} cannot be read ({error.strerror})") from None
        return self._read(point, self.written(point))

    def written(self, point: EvaluationPoint) -> Written:
        """Return the modification times of an evaluation's files, which tell whether they have changed."""
        return _written(self._path(point)), _written(self._run.digits_path(point.images_name))

    def _path(self, point: EvaluationPoint) -> Path:
        if point.step is not None:
            return self._run.rolling_path(point.step)
        return self._run.predictions_path(point.images_name if point.epoch is None else point.epoch)

    def _load(self, point: EvaluationPoint, written: Written) -> Predictions:
        path = self._path(point)
        arrays = self._run.load_arrays(path)
        digits = self._digits(point.images_name, written[1])
        images = digits["images"]
        held_out = self._held_out(arrays) if point.split == TRAIN else None
        try:
            steps = arrays["steps"] if point.step is not None else None
            if steps is not None:
                images = images[np.isin(digits["indices"], arrays["indices"])]
            predictions = Predictions(
                point, arrays["indices"], arrays["labels"], arrays["probabilities"], images, held_out, steps
            )
        except KeyError as error:
            raise RunError(f"{path} has no array {error}: mnist-tui did not write it") from None
        if not _is_plausible(predictions):
            raise RunError(f"{path} or the run's images hold what no evaluation gives: one of the files is damaged")
        lengths = {
            len(images),
            *(len(arrays[key]) for key in ("indices", "labels", "probabilities", "steps") if key in arrays),
        }
        if len(lengths) > 1:
            raise RunError(f"{path} and the run's images have different lengths: one of the files is truncated")
        return predictions

    def _held_out(self, arrays: dict[str, NDArray[Any]]) -> NDArray[np.bool_] | None:
        try:
            validation = self._run.load_arrays(self._run.digits_path(VALIDATION))["indices"]
            return np.isin(arrays["indices"], validation)
        except (RunError, KeyError):
            return None

    def _load_digits(self, name: str, written: int | None) -> dict[str, NDArray[Any]]:  # noqa: ARG002 (of the cache key)
        path = self._run.digits_path(name)
        arrays = self._run.load_arrays(path)
        if "images" not in arrays:
            raise RunError(f"{path} has no array 'images': mnist-tui did not write it")
        return arrays

    def rolling_steps(self) -> list[int]:
        """Return the steps of the rolling evaluations whose predictions are kept, in order."""
        return self._run.rolling_steps()

    def evaluated(self) -> list[str]:
        """Return the names of the evaluated data sets, and of the cross-check if there is one."""
        paths = sorted((self._run.path / "predictions").glob("*.npz"))
        names = [path.stem for path in paths if not path.stem.startswith(("epoch-", "rolling-", "."))]
        return [name for name in names if name not in (TEST, TEST_AGAIN) and name.isprintable()]


def _is_plausible(read: Predictions) -> bool:
    """Return True if the arrays have the types and shapes of predictions, and their labels are classes."""
    kinds = [(each.dtype.kind, each.ndim) for each in (read.indices, read.labels, read.probabilities)]
    if [("i" if kind == "u" else kind, axes) for kind, axes in kinds] != [("i", 1), ("i", 1), ("f", 2)]:
        return False
    if shape_of(read.images) is None:
        return False
    return not read.labels.size or bool(read.labels.min() >= 0 and read.labels.max() < read.probabilities.shape[1])


def _written(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None

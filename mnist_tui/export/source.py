"""Source: a run as exports read it."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

from numpy.typing import NDArray

from mnist_tui.inspection.figures import class_names
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower


class LabelledImages(Protocol):
    """Images of a data set: uint8, (n, height, width) or (n, height, width, 3), and labels and indices (n,)."""

    images: NDArray[Any]
    labels: NDArray[Any]
    indices: NDArray[Any]


class LoadedData(Protocol):
    """A data set, as engine/data/datasets.py loads it."""

    training: LabelledImages
    test: LabelledImages
    class_names: tuple[str, ...]
    checksum: str


class Source:
    """A run to export. Everything is read when it is first needed, and once.

    Args:
        run: The run.
        load_data: Returns the data set of a spec; raises ConfigError.
        progress: Receives what is being done and the share that is done, 0..1.
    """

    def __init__(
        self,
        run: RunDirectory,
        load_data: Callable[[str], Any],
        progress: Callable[[str, float], None] = lambda _, __: None,
    ) -> None:
        self.run = run
        self.progress = progress
        self._load_data = load_data

    @cached_property
    def history(self) -> History:
        """The run with all its steps so far; raises RunError."""
        history = History(self.run.record())
        follower = LogFollower(self.run.events_path)
        while events := follower.read():
            history.apply_all(events)
        return history

    @cached_property
    def inspector(self) -> Inspector:
        """Reader of the predictions."""
        return Inspector(self.run, self.history.record)

    def names(self, count: int) -> tuple[str, ...]:
        """Return the names of `count` classes."""
        return class_names(self.history, count)

    @property
    def kept_point(self) -> EvaluationPoint:
        """Evaluation of the epoch whose weights are kept; raises RunError before the first."""
        best = self.history.best_epoch
        if best is None:
            raise RunError(f"run {self.run.id} has no validated epoch: train it for one, then export it")
        return EvaluationPoint(VALIDATION, best.epoch)

    def data(self) -> LoadedData:
        """Load the run's data set; raises ConfigError, or RunError if it has changed since."""
        record = self.history.record
        data: LoadedData = self._load_data(record.config.data)
        if record.has_other_data(data.checksum):
            raise RunError(f"{record.config.data} has changed since run {record.id} was started: restore it")
        return data

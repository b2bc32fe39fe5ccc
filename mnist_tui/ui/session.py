"""One opened run as the face sees it: follows its events, and hands out frozen views, predictions and pictures."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.events import Phase
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.progress import Progress, progress
from mnist_tui.runs.summary import Status, status_of

LIVENESS_SECONDS = 1.0


@dataclass(frozen=True)
class RunView:
    """What a screen draws: a moment of a run. `history` is shared and only grows; `revision` says when it did."""

    history: History
    progress: Progress
    status: Status
    now: float
    """Seconds since the epoch: the only clock a widget sees."""
    revision: int
    unknown_events: int


@dataclass(frozen=True)
class Predictions:
    """What the network made of one split's digits at one epoch, and the digits; row i of all is one digit."""

    epoch: int | None
    """None: the final test."""
    indices: NDArray[np.int32]
    """Shape (n,): position in the data set's training (or test) part."""
    labels: NDArray[np.uint8]
    """Shape (n,): true classes."""
    probabilities: NDArray[np.float16]
    """Shape (n, classes)."""
    images: NDArray[np.uint8]
    """Shape (n, 28, 28): 0 is paper, 255 ink."""


class RunSession:
    """Follows one run directory. `poll` reads what is new; everything else is read when a screen asks for it."""

    def __init__(self, run: RunDirectory, clock: Callable[[], float] = time.time) -> None:
        self.run = run
        self.record = run.record()
        self._clock = clock
        self._follower = LogFollower(run.events_path)
        self._history = History(self.record)
        self._live = False
        self._live_checked = -1e9
        self._shown: tuple[object, ...] = ()
        self.predictions = lru_cache(maxsize=4)(self._load_predictions)
        self.view = self._make_view()

    def poll(self) -> bool:
        """Read new events; True when `view` changed: an event came, the status changed, or a shown second passed."""
        now = self._clock()
        live = self._live
        if abs(now - self._live_checked) >= LIVENESS_SECONDS:
            live, self._live_checked = self.run.is_live(), now
        self._history.apply_all(self._follower.read())
        self._live = live
        ticking = live and self._history.phase is not Phase.TRAINING and not self._history.is_over
        state = (self._history.revision, live, int(now) if ticking else 0)
        if state == self._shown:
            return False
        self._shown = state
        self.view = self._make_view()
        return True

    def _make_view(self) -> RunView:
        history, now = self._history, self._clock()
        status = status_of(
            live=self._live, stepped=history.steps.count > 0, ended=history.ended, failed=history.failed is not None
        )
        if not status.is_live and history.last_time is not None:
            now = history.last_time  # a run that is over stands still
        return RunView(
            history=history,
            progress=progress(history, now),
            status=status,
            now=now,
            revision=history.revision,
            unknown_events=self._follower.unknown,
        )

    def _load_predictions(self, epoch: int | None) -> Predictions:
        """Predictions after an epoch (None: of the final test); raises RunError when the file is missing or damaged."""
        path = self.run.predictions_path("test" if epoch is None else epoch)
        arrays = self.run.load_arrays(path)
        images = self._test_images if epoch is None else self._validation_images
        try:
            predictions = Predictions(epoch, arrays["indices"], arrays["labels"], arrays["probabilities"], images)
        except KeyError as error:
            raise RunError(f"{path} has no array {error}: it was not written by mnist-tui") from None
        if len({len(images), *(len(array) for array in arrays.values())}) > 1:
            raise RunError(f"{path} and the run's digits are of different lengths: one of them was cut short")
        return predictions

    @cached_property
    def _validation_images(self) -> NDArray[Any]:
        return self.run.load_arrays(self.run.digits_path("validation"))["images"]

    @cached_property
    def _test_images(self) -> NDArray[Any]:
        return self.run.load_arrays(self.run.digits_path("test"))["images"]

"""The run under the cursor of the home screen: its events with their steps, and its most confident mistakes."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mnist_tui.analysis.confusion import class_name
from mnist_tui.analysis.predicted import predicted_classes
from mnist_tui.events import EpochEnded, RollingEvaluated
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.render.text import clip, percent, sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.ui.digits.image_grid import GridImage

MOST_MISTAKES = 10
LONGEST_NAME = 5
"""Columns of a class name in the caption of a digit."""
NO_MISTAKES = "None: every image is correct."


@dataclass(frozen=True)
class Mistakes:
    """The most confident mistakes of an evaluation, the most confident first, or a sentence instead."""

    images: tuple[GridImage, ...] | str
    point: EvaluationPoint | None = None
    """None before the first evaluation."""
    shape: tuple[int, ...] = ()
    margin: int = 0
    """Pixels at each side of an image that may be cut off."""


class GlanceRun:
    """One run. `load` reads it in a thread; `poll` then reads what is new, in the thread that draws."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.history: History | None = None
        """None until the run was read, and if it cannot be."""
        self.mistakes = Mistakes("")
        self._inspector: Inspector | None = None
        self._follower = LogFollower(run.events_path)

    def load(self, is_cancelled: Callable[[], bool]) -> None:
        """Read all events and the newest predictions, unless it is cancelled; raises RunError."""
        record = self.run.record()
        history, self._inspector = History(record), Inspector(self.run, record)
        while not is_cancelled() and (events := self._follower.read()):
            history.apply_all(events)
        if not is_cancelled():
            self.mistakes = self.read_mistakes(history)
            self.history = history  # last: from now on it is polled

    def poll(self) -> None:
        """Read new events; if the disk is gone, what was read stays."""
        if self.history is not None:
            with contextlib.suppress(RunError):
                while events := self._follower.read():
                    self.history.apply_all(events)

    def read_mistakes(self, history: History) -> Mistakes:
        """Read the most confident mistakes of the newest evaluation, or why there are none."""
        point = newest_point(history)
        if point is None or self._inspector is None:
            return Mistakes("")
        try:
            read = self._inspector.predictions(point)
        except RunError as error:
            return Mistakes(sanitize(str(error)), point)
        classes = predicted_classes(read.labels, read.probabilities)
        wrong = np.flatnonzero(~classes.correct)
        worst = wrong[np.argsort(-classes.confidence[wrong], kind="stable")][:MOST_MISTAKES]
        if not worst.size:
            return Mistakes(NO_MISTAKES, point)
        names = history.started.class_names if history.started is not None else ()

        def name(number: int) -> str:
            return clip(sanitize(class_name(number, names)), LONGEST_NAME)

        images = tuple(
            GridImage(
                read.images[row].tobytes(),
                f"{name(int(read.labels[row]))} → {name(int(classes.predicted[row]))}",
                percent(float(classes.confidence[row]), 1),
            )
            for row in worst
        )
        return Mistakes(images, point, read.images.shape[1:], read.margin)


def newest_evaluation(history: History) -> EpochEnded | RollingEvaluated | None:
    """Return the newest evaluation of validation images: a whole one, or a rolling one after it."""
    epoch = history.epochs[-1] if history.epochs else None
    rolling = history.rolling[-1] if history.rolling else None
    return rolling if rolling is not None and (epoch is None or rolling.step > epoch.step) else epoch


def newest_point(history: History) -> EvaluationPoint | None:
    """Return the point of the newest evaluation; None before the first, and for an imported run."""
    newest = newest_evaluation(history)
    if newest is None or not newest.confusion:
        return None
    if isinstance(newest, EpochEnded):
        return EvaluationPoint(VALIDATION, newest.epoch)
    return EvaluationPoint.of_rolling(newest, history.started.validation_count if history.started is not None else 0)

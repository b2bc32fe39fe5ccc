"""Everything known of a run's digits at a moment: predictions, trajectories, disputes, verdicts, as one table."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.label_issues import LabelIssues, label_issues
from mnist_tui.analysis.learning_history import LearningHistory, LearningSummary, learning_summary, trace
from mnist_tui.analysis.reviews import LabelReview, review_columns
from mnist_tui.analysis.table import Table, tabulate
from mnist_tui.events import EpochEnded
from mnist_tui.inspection.predictions import TEST, VALIDATION, EvaluationPoint, PredictionFiles, Predictions, Written
from mnist_tui.inspection.review_store import ReviewStore
from mnist_tui.runs.directory import RunDirectory, RunError, RunRecord
from mnist_tui.runs.history import History


@dataclass(frozen=True, eq=False)
class Findings:
    """One moment's digits with all that is known of them; row i of everything is one digit."""

    predictions: Predictions
    table: Table
    label_issues: LabelIssues
    learning_history: LearningHistory | None
    """Of the validation digits, up to the moment's epoch; None for digits that were read only once."""
    learning_summary: LearningSummary | None


class Inspector:
    """Reads and combines what one run recorded. Any thread may ask; what was read stays for a while."""

    def __init__(self, run: RunDirectory, record: RunRecord) -> None:
        self._files = PredictionFiles(run)
        self._lock = threading.RLock()
        self._traced: LearningHistory | None = None
        self._traced_events: list[EpochEnded] = []
        self._missing: dict[int, Written] = {}
        """Epoch that could not be read -> when its files were written; replaced and never changed: screens read it."""
        self.book = ReviewStore(run, record.data_checksum)

    def points(self, history: History) -> list[EvaluationPoint]:
        """What can be looked at now, in the order of time: validation epochs, the final test, then other sets."""
        found = [EvaluationPoint(VALIDATION, epoch.epoch) for epoch in history.epochs]
        if history.ended is not None and history.ended.test_accuracy is not None:
            found.append(EvaluationPoint(TEST))
        return found + [EvaluationPoint(name) for name in self._files.evaluated()]

    def predictions(self, point: EvaluationPoint) -> Predictions:
        """What was recorded; raises RunError when it is missing or damaged."""
        with self._lock:
            return self._files.load(point)

    def findings(self, point: EvaluationPoint, history: History) -> Findings:
        """Everything at a moment; raises RunError when its predictions are missing or damaged.

        Epochs before it that cannot be read are left out of the trajectories.
        """
        with self._lock:
            read = self._files.load(point)
            lives = self._trajectories(point.epoch, read, history.epochs) if point.epoch is not None else None
            now = learning_summary(lives) if lives is not None else None
            found = label_issues(read.labels, read.probabilities)
            reviewed, _ = review_columns(self.book.read(), point.split, read.indices, read.labels)
            table = tabulate(
                read.indices,
                read.labels,
                read.probabilities,
                learning_summary=now,
                reviewed=reviewed,
                flagged=found.mask(len(read)),
            )
            return Findings(read, table, found, lives, now)

    def judge(self, *reviews: LabelReview) -> None:
        """Keep verdicts; raises RunError."""
        with self._lock:
            self.book.add(*reviews)

    def _trajectories(self, epoch: int, read: Predictions, recorded: Sequence[EpochEnded]) -> LearningHistory | None:
        """The digits' lives up to an epoch. Epochs that were recorded since the last call are added."""
        same = len(self._traced_events) <= len(recorded) and all(
            known is event for known, event in zip(self._traced_events, recorded, strict=False)
        )
        mended = any(
            self._files.written(EvaluationPoint(VALIDATION, each)) != then for each, then in self._missing.items()
        )
        if not same or mended:  # rolled back, and epochs of these numbers recorded anew; or a file came or was mended
            self._traced, self._traced_events, self._missing = None, [], {}
        for event in recorded[len(self._traced_events) :]:
            self._traced_events.append(event)
            point = EvaluationPoint(VALIDATION, event.epoch)
            written = self._files.written(point)  # before it is read: what is mended meanwhile is noticed
            try:
                newer = self._files.load(point)
                if not np.array_equal(newer.indices, read.indices):
                    raise RunError(f"epoch {event.epoch} was recorded of other digits")
                if self._traced is None:
                    self._traced = trace(newer.labels, (event.epoch,), [newer.probabilities])
                else:
                    self._traced = self._traced.with_epoch(event.epoch, newer.probabilities)
            except (RunError, AnalysisError):
                self._missing = self._missing | {event.epoch: written}
        if self._traced is None or epoch < self._traced.epochs[0]:
            return None
        return self._traced.until(epoch)

    @property
    def missing_epochs(self) -> frozenset[int]:
        """Epochs whose predictions could not be read."""
        return frozenset(self._missing)

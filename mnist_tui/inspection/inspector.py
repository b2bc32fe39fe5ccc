"""All recorded facts about the examples of an evaluation: predictions, learning history, label issues, reviews."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.label_issues import LabelIssues, label_issues
from mnist_tui.analysis.learning_history import LearningHistory, LearningSummary, learning_summary, trace
from mnist_tui.analysis.reviews import LabelReview, review_columns
from mnist_tui.analysis.table import ExampleTable, tabulate
from mnist_tui.events import EpochEnded
from mnist_tui.inspection.predictions import TEST, VALIDATION, EvaluationPoint, PredictionFiles, Predictions, Written
from mnist_tui.inspection.review_store import ReviewStore
from mnist_tui.runs.directory import RunDirectory, RunError, RunRecord
from mnist_tui.runs.history import History


@dataclass(frozen=True, eq=False)
class Findings:
    """The examples of one evaluation; row i of every part is one example."""

    predictions: Predictions
    table: ExampleTable
    label_issues: LabelIssues
    learning_history: LearningHistory | None
    """Up to the epoch of the evaluation; None for examples that were evaluated only once."""
    learning_summary: LearningSummary | None


class Inspector:
    """Reader of one run's recorded predictions. Thread-safe; recent results are cached."""

    def __init__(self, run: RunDirectory, record: RunRecord) -> None:
        self._files = PredictionFiles(run)
        self._lock = threading.RLock()
        self._traced: LearningHistory | None = None
        self._traced_events: list[EpochEnded] = []
        self._missing: dict[int, Written] = {}
        """Unreadable epoch -> modification times of its files. Replaced, never changed, because screens read it."""
        self.review_store = ReviewStore(run, record.data_checksum)

    def points(self, history: History) -> list[EvaluationPoint]:
        """Return all evaluations so far, in the order of their steps.

        These are the validation epochs, between them the rolling evaluations that are kept, then the tests and other
        sets.
        """
        epochs = [(epoch.step, True, EvaluationPoint(VALIDATION, epoch.epoch)) for epoch in history.epochs]
        kept = set(self._files.rolling_steps())
        rolling = [
            (event.step, False, EvaluationPoint.of_rolling(event, history.validation_count))
            for event in history.rolling
            if event.step in kept
        ]
        between = [point for _, _, point in sorted(epochs + rolling, key=lambda each: each[:2])]
        return between + self.other_points(history)

    def full_points(self, history: History) -> list[EvaluationPoint]:
        """Return the evaluations of whole splits: the epochs, the first and the newest test, then other sets."""
        return [EvaluationPoint(VALIDATION, epoch.epoch) for epoch in history.epochs] + self.other_points(history)

    def other_points(self, history: History) -> list[EvaluationPoint]:
        """Return the evaluations of other splits than validation: the first and the newest test, then other sets."""
        tests = [EvaluationPoint(TEST, again=again) for again in (False, True)[: len(history.tests)]]
        return tests + [EvaluationPoint(name) for name in self._files.evaluated()]

    def predictions(self, point: EvaluationPoint) -> Predictions:
        """Return the recorded predictions; raises RunError if they are missing or damaged."""
        with self._lock:
            return self._files.load(point)

    def findings(self, point: EvaluationPoint, history: History) -> Findings:
        """Return everything known at an evaluation; raises RunError if its predictions are missing or damaged.

        The learning history leaves out earlier epochs whose predictions cannot be read.
        """
        with self._lock:
            read = self._files.load(point)
            traced = self._learning_history(point.epoch, read, history.epochs) if point.epoch is not None else None
            summary = learning_summary(traced) if traced is not None else None
            issues = label_issues(read.labels, read.probabilities)
            reviewed, _ = review_columns(self.review_store.read(), point.split, read.indices, read.labels)
            table = tabulate(
                read.indices,
                read.labels,
                read.probabilities,
                learning_summary=summary,
                reviewed=reviewed,
                flagged=issues.mask(len(read)),
            )
            return Findings(read, table, issues, traced, summary)

    def add_reviews(self, *reviews: LabelReview) -> None:
        """Store label reviews; raises RunError."""
        with self._lock:
            self.review_store.add(*reviews)

    def _learning_history(
        self, epoch: int, read: Predictions, recorded: Sequence[EpochEnded]
    ) -> LearningHistory | None:
        extends = len(self._traced_events) <= len(recorded) and all(
            known is event for known, event in zip(self._traced_events, recorded, strict=False)
        )
        repaired = any(
            self._files.written(EvaluationPoint(VALIDATION, each)) != then for each, then in self._missing.items()
        )
        if not extends or repaired:  # after a roll back, the same epochs are recorded again
            self._traced, self._traced_events, self._missing = None, [], {}
        for event in recorded[len(self._traced_events) :]:
            self._traced_events.append(event)
            point = EvaluationPoint(VALIDATION, event.epoch)
            written = self._files.written(point)  # before loading, so that a later change is noticed
            try:
                newer = self._files.load(point)
                if not np.array_equal(newer.indices, read.indices):
                    raise RunError(f"epoch {event.epoch} has predictions for other examples")
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
        """Epochs whose predictions cannot be read."""
        return frozenset(self._missing)

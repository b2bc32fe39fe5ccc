"""All figures of one moment as plain data: what `show --json` and `evaluate --json` carry."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mnist_tui.analysis.calibration import coverage, reliability
from mnist_tui.analysis.confusion import confusion_matrix, report, top_confusions
from mnist_tui.analysis.label_accuracy import LabelAccuracy, label_accuracy
from mnist_tui.analysis.reviews import LabelReview, ReviewOutcome, review_columns
from mnist_tui.inspection.inspector import Findings, Inspector
from mnist_tui.inspection.predictions import EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History

Document = dict[str, Any]
TOP = 10
"""Confusions that are told."""
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Confidences below which answers could be refused."""


def all_figures(run: RunDirectory, history: History) -> list[Document]:
    """Figures of the best epoch, of the final test and of every set that was evaluated.

    What cannot be read is told with the reason in place of its figures.
    """
    inspector = Inspector(run, history.record)
    best = history.best_epoch
    points = [each for each in inspector.points(history) if each.epoch is None or (best and each.epoch == best.epoch)]
    return [point_figures(inspector, history, point) for point in points]


def point_figures(inspector: Inspector, history: History, point: EvaluationPoint) -> Document:
    """Figures of one moment, or the reason why there are none."""
    try:
        found = inspector.findings(point, history)
    except RunError as error:
        return {"split": point.split, "epoch": point.epoch, "unavailable": str(error)}
    return figures(found, class_names(history, found.predictions.probabilities.shape[1]), inspector.book.read())


def class_names(history: History, count: int) -> tuple[str, ...]:
    """Names of the run's classes; numbers where it has not said."""
    names = history.started.class_names if history.started else ()
    return names if len(names) == count else tuple(str(number) for number in range(count))


def figures(found: Findings, names: Sequence[str], reviews: Sequence[LabelReview]) -> Document:
    """Accuracy, confusion, report, calibration, lives and labels; None stands for what would divide by zero."""
    read, table = found.predictions, found.table
    classes = read.probabilities.shape[1]
    matrix = confusion_matrix(read.labels, table.predicted, classes)
    scores = report(matrix)
    reviewed, correct = review_columns(reviews, read.point.split, read.indices, read.labels)
    labels = label_accuracy(read.labels, table.predicted, table.flagged, reviewed, correct)
    return {
        "split": read.point.split,
        "epoch": read.point.epoch,
        "digits": len(read),
        "mistakes": int((~table.right).sum()),
        "accuracy": scores.accuracy,
        "confusion": matrix.tolist(),
        "per_class": [
            {
                "class": name,
                "precision": one.precision,
                "recall": one.recall,
                "f1": one.f1,
                "support": one.support,
            }
            for name, one in zip(names, scores.classes, strict=True)
        ],
        "top_confusions": [
            {
                "true": names[one.true],
                "predicted": names[one.predicted],
                "count": one.count,
                "support": one.support,
                "words": one.in_words(names),
            }
            for one in top_confusions(matrix.tolist(), TOP)
        ],
        "calibration": _calibration(found),
        "lives": _lives(found),
        "labels": _labels(labels, found, reviewed),
    }


def _calibration(found: Findings) -> Document:
    table = found.table
    measured = reliability(table.confidence, table.right)
    kept = coverage(table.confidence, table.right, THRESHOLDS)
    return {
        "expected_error": _number(measured.expected_error),
        "maximum_error": _number(measured.maximum_error),
        "bins": [
            {
                "from": float(low),
                "to": float(high),
                "right": int(right),
                "wrong": int(wrong),
                "confidence": _number(mean),
            }
            for low, high, right, wrong, mean in zip(
                measured.edges[:-1],
                measured.edges[1:],
                measured.right,
                measured.wrong,
                measured.confidence,
                strict=True,
            )
        ],
        "refusing_below": [
            {"confidence": float(threshold), "answered": _number(share), "accuracy": _number(accuracy)}
            for threshold, share, accuracy in zip(kept.thresholds, kept.answered, kept.accuracy, strict=True)
        ],
    }


def _lives(found: Findings) -> dict[str, int] | None:
    """How many digits were learned when; None for digits that were read only once."""
    if found.learning_summary is None:
        return None
    table = found.table
    return {
        "learned_late": int(table.learned_late.sum()),
        "forgotten": int(table.forgotten.sum()),
        "never_learned": int(table.never_learned.sum()),
        "confidently_wrong": int(table.confidently_wrong.sum()),
    }


def _labels(accuracy: LabelAccuracy, found: Findings, reviewed: "np.ndarray[Any, Any]") -> Document:
    return {
        "disputed": int(found.table.flagged.sum()),
        "judged": {code.name.lower(): int((reviewed == code).sum()) for code in ReviewOutcome},
        "accuracy_as_labelled": accuracy.as_labelled.accuracy,
        "accuracy_without_disputed": accuracy.without_flagged.accuracy,
        "accuracy_without_mislabelled": accuracy.without_mislabelled.accuracy,
        "accuracy_corrected": accuracy.corrected.accuracy,
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

"""All figures of one moment as plain data: what `show --json` and `evaluate --json` carry."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mnist_tui.analysis.calibration import coverage, reliability
from mnist_tui.analysis.confusion import confusion_matrix, report, top_confusions
from mnist_tui.analysis.label_accuracy import LabelAccuracy, label_accuracy
from mnist_tui.analysis.verdicts import Judged, Verdict, verdict_columns
from mnist_tui.evidence.evidence import Evidence, Findings
from mnist_tui.evidence.predictions import Moment
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
    evidence = Evidence(run, history.record)
    best = history.best_epoch
    moments = [each for each in evidence.moments(history) if each.epoch is None or (best and each.epoch == best.epoch)]
    return [moment_figures(evidence, history, moment) for moment in moments]


def moment_figures(evidence: Evidence, history: History, moment: Moment) -> Document:
    """Figures of one moment, or the reason why there are none."""
    try:
        found = evidence.findings(moment, history)
    except RunError as error:
        return {"split": moment.split, "epoch": moment.epoch, "unavailable": str(error)}
    return figures(found, class_names(history, found.predictions.probabilities.shape[1]), evidence.book.read())


def class_names(history: History, count: int) -> tuple[str, ...]:
    """Names of the run's classes; numbers where it has not said."""
    names = history.started.class_names if history.started else ()
    return names if len(names) == count else tuple(str(number) for number in range(count))


def figures(found: Findings, names: Sequence[str], verdicts: Sequence[Verdict]) -> Document:
    """Accuracy, confusion, report, calibration, lives and labels; None stands for what would divide by zero."""
    read, table = found.predictions, found.table
    classes = read.probabilities.shape[1]
    matrix = confusion_matrix(read.labels, table.predicted, classes)
    scores = report(matrix)
    judged, correct = verdict_columns(verdicts, read.moment.split, read.indices, read.labels)
    labels = label_accuracy(read.labels, table.predicted, table.disputed, judged, correct)
    return {
        "split": read.moment.split,
        "epoch": read.moment.epoch,
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
        "labels": _labels(labels, found, judged),
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
    if found.fates is None:
        return None
    table = found.table
    return {
        "learned_late": int(table.learned_late.sum()),
        "forgotten": int(table.forgotten.sum()),
        "never_learned": int(table.never_learned.sum()),
        "confidently_wrong": int(table.confidently_wrong.sum()),
    }


def _labels(accuracy: LabelAccuracy, found: Findings, judged: "np.ndarray[Any, Any]") -> Document:
    return {
        "disputed": int(found.table.disputed.sum()),
        "judged": {code.name.lower(): int((judged == code).sum()) for code in Judged},
        "accuracy_as_labelled": accuracy.as_labelled.accuracy,
        "accuracy_without_disputed": accuracy.without_disputed.accuracy,
        "accuracy_without_mislabelled": accuracy.without_mislabelled.accuracy,
        "accuracy_corrected": accuracy.corrected.accuracy,
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

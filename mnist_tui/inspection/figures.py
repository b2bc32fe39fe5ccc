"""All figures of one evaluation as plain data, for `show --json` and `evaluate --json`.

Version 0.1 called some keys differently. The old keys stay beside the new ones for one release: `lives`, `right`,
`refusing_below`, `disputed`, `judged` and `accuracy_without_disputed`.
"""

import math
from collections.abc import Sequence
from typing import Any

from mnist_tui.analysis.calibration import coverage, reliability
from mnist_tui.analysis.confusion import confusion_matrix, report, top_confusions
from mnist_tui.analysis.label_accuracy import label_accuracy
from mnist_tui.analysis.reviews import LabelReview, ReviewOutcome, review_columns
from mnist_tui.analysis.significance import accuracy_interval
from mnist_tui.inspection.inspector import Findings, Inspector
from mnist_tui.inspection.predictions import EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History

Document = dict[str, Any]
TOP = 10
"""Worst confusions that are listed."""
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Abstention thresholds."""
REVIEWED = {
    ReviewOutcome.UNREVIEWED: "unreviewed",
    ReviewOutcome.RIGHT: "correct",
    ReviewOutcome.WRONG: "wrong",
    ReviewOutcome.UNREADABLE: "unreadable",
}
JUDGED = {
    ReviewOutcome.UNREVIEWED: "unjudged",
    ReviewOutcome.RIGHT: "right",
    ReviewOutcome.WRONG: "wrong",
    ReviewOutcome.UNREADABLE: "unreadable",
}


def all_figures(run: RunDirectory, history: History) -> list[Document]:
    """Return the figures of the best epoch, the final test and every evaluated data set."""
    inspector = Inspector(run, history.record)
    best = history.best_epoch
    points = [
        each for each in inspector.full_points(history) if each.epoch is None or (best and each.epoch == best.epoch)
    ]
    return [point_figures(inspector, history, point) for point in points]


def point_figures(inspector: Inspector, history: History, point: EvaluationPoint) -> Document:
    """Return the figures of one evaluation, or the reason why they are unavailable."""
    try:
        found = inspector.findings(point, history)
    except RunError as error:
        return {"split": point.split, "epoch": point.epoch, "again": point.again, "unavailable": str(error)}
    return figures(found, class_names(history, found.predictions.probabilities.shape[1]), inspector.review_store.read())


def class_names(history: History, count: int) -> tuple[str, ...]:
    """Return the names of the run's classes, or numbers if the run has not recorded `count` names."""
    names = history.started.class_names if history.started else ()
    return names if len(names) == count else tuple(str(number) for number in range(count))


def figures(found: Findings, names: Sequence[str], reviews: Sequence[LabelReview]) -> Document:
    """Return accuracy, confusion, scores, calibration, learning and labels; None where a figure is undefined."""
    predictions, table = found.predictions, found.table
    matrix = confusion_matrix(predictions.labels, table.predicted, predictions.probabilities.shape[1])
    scores = report(matrix)
    learning = _learning(found)
    return {
        "split": predictions.point.split,
        "epoch": predictions.point.epoch,
        "again": predictions.point.again,
        "digits": len(predictions),
        "mistakes": scores.mistakes,
        "accuracy": scores.accuracy,
        "accuracy_interval": accuracy_interval(scores.accuracy, scores.total),
        "confusion": matrix.tolist(),
        "per_class": scores.per_class(names),
        "top_confusions": [
            {
                "true": names[one.true],
                "predicted": names[one.predicted],
                "count": one.count,
                "support": one.support,
                "words": one.in_words(names),
            }
            for one in top_confusions(matrix, TOP)
        ],
        "calibration": _calibration(found),
        "learning": learning,
        "lives": learning,
        "labels": label_figures(found, reviews),
    }


def _calibration(found: Findings) -> Document:
    table = found.table
    diagram = reliability(table.confidence, table.correct)
    answered = coverage(table.confidence, table.correct, THRESHOLDS)
    abstaining = [
        {"confidence": float(threshold), "answered": _number(share), "accuracy": _number(accuracy)}
        for threshold, share, accuracy in zip(answered.thresholds, answered.answered, answered.accuracy, strict=True)
    ]
    return {
        "expected_error": _number(diagram.expected_error),
        "maximum_error": _number(diagram.maximum_error),
        "bins": [
            {
                "from": float(diagram.edges[each]),
                "to": float(diagram.edges[each + 1]),
                "correct": int(diagram.correct[each]),
                "right": int(diagram.correct[each]),
                "wrong": int(diagram.wrong[each]),
                "confidence": _number(diagram.confidence[each]),
            }
            for each in range(len(diagram.counts))
        ],
        "abstaining_below": abstaining,
        "refusing_below": abstaining,
    }


def _learning(found: Findings) -> dict[str, int] | None:
    """Return how many examples were learned when; None for examples that were evaluated only once."""
    if found.learning_summary is None:
        return None
    columns = ("learned_late", "forgotten", "never_learned", "confidently_wrong")
    return {column: int(getattr(found.table, column).sum()) for column in columns}


def label_figures(found: Findings, reviews: Sequence[LabelReview]) -> Document:
    """Return the accuracies with the original, without doubtful, and with corrected labels."""
    read, table = found.predictions, found.table
    reviewed, correct = review_columns(reviews, read.point.split, read.indices, read.labels)
    accuracy = label_accuracy(read.labels, table.predicted, table.flagged, reviewed, correct)
    flagged = int(table.flagged.sum())
    return {
        "label_issues": flagged,
        "disputed": flagged,
        "reviewed": {name: int((reviewed == outcome).sum()) for outcome, name in REVIEWED.items()},
        "judged": {name: int((reviewed == outcome).sum()) for outcome, name in JUDGED.items()},
        "accuracy_as_labelled": accuracy.as_labelled.accuracy,
        "accuracy_without_label_issues": accuracy.without_flagged.accuracy,
        "accuracy_without_disputed": accuracy.without_flagged.accuracy,
        "accuracy_without_mislabelled": accuracy.without_mislabelled.accuracy,
        "accuracy_corrected": accuracy.corrected.accuracy,
        "intervals": {
            "as_labelled": accuracy.as_labelled.interval,
            "without_label_issues": accuracy.without_flagged.interval,
            "without_mislabelled": accuracy.without_mislabelled.interval,
            "corrected": accuracy.corrected.interval,
        },
        "corrected_compared_with_as_labelled": accuracy.gain.as_json(),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

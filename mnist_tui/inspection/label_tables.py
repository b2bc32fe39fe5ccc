"""Label issues and label reviews of a run, for the command line and for exports."""

from mnist_tui.analysis.review_csv import to_csv
from mnist_tui.analysis.reviews import LabelReview
from mnist_tui.inspection.figures import JUDGED, REVIEWED, Document, class_names, label_figures
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.inspection.review_export import predictions_of
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.summary import history_without_steps


def label_issues_document(run: RunDirectory) -> Document:
    """Return the digits whose prediction differs from their label, the most probable label issue first.

    The predictions are those of the cross-check if there is one, otherwise of the newest epoch. `disputes`, `judged`
    and `verdict` are the old names of `label_issues`, `reviewed` and `review`. Raises RunError without predictions.
    """
    history = history_without_steps(run)
    inspector = Inspector(run, history.record)
    points = inspector.full_points(history)
    validated = [point for point in points if point.split == VALIDATION]
    if not validated:
        raise RunError(f"run {run.id} has no validated epoch yet: wait for its first")
    point = EvaluationPoint(TRAIN) if EvaluationPoint(TRAIN) in points else validated[-1]
    found = inspector.findings(point, history)
    read, ranked = found.predictions, found.label_issues
    names = class_names(history, read.probabilities.shape[1])
    stored = inspector.review_store.read()
    reviews, rows = {review.digit: review for review in stored}, []
    for row, suspected, margin, confident in zip(
        ranked.rows, ranked.suspected, ranked.margins, ranked.confident, strict=True
    ):
        index = int(read.indices[row])
        review = reviews.get(("train", index))
        rows.append(
            {
                "index": index,
                "label": names[read.labels[row]],
                "suspected": names[suspected],
                "margin": float(margin),
                "confident": bool(confident),
                "review": review.outcome if review else None,
                "verdict": review.outcome if review else None,
                "correct": names[review.correct] if review and review.correct is not None else None,
            }
        )
    outcomes = found.table.review
    return {
        "run": run.id,
        "checked": point.words,
        "digits": len(read),
        "reviewed": {name: int((outcomes == outcome).sum()) for outcome, name in REVIEWED.items()},
        "judged": {name: int((outcomes == outcome).sum()) for outcome, name in JUDGED.items()},
        "accuracy": label_figures(found, stored),
        "label_issues": rows,
        "disputes": rows,
    }


def reviews_csv(run: RunDirectory) -> tuple[str, int]:
    """Return all label reviews of a run as CSV, and their number; raises RunError."""
    history = history_without_steps(run)
    inspector = Inspector(run, history.record)
    reviews: list[LabelReview] = inspector.review_store.read()
    points = inspector.full_points(history)
    names: tuple[str, ...] = history.started.class_names if history.started else ()
    return to_csv(reviews, names, predictions_of(reviews, inspector, reversed(points))), len(reviews)

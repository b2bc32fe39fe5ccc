"""Evaluations and label issues on stdout."""

from rich.text import Text

from mnist_tui.analysis.review_csv import to_csv
from mnist_tui.analysis.reviews import LabelReview
from mnist_tui.cli.listing import LONGEST_TEXT, console, print_classes, print_table
from mnist_tui.inspection.figures import JUDGED, REVIEWED, Document, class_names, point_figures
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.inspection.review_export import predictions_of
from mnist_tui.render.columns import Column
from mnist_tui.render.text import clip, percent, sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.summary import history_without_steps

SHOWN_CONFUSIONS = 5
ISSUE_COLUMNS = tuple(
    Column(heading, rank, is_number=True)
    for heading, rank in (("digit", 0), ("label", 1), ("suspected", 2), ("margin", 3), ("review", 4))
)


def figures_document(run: RunDirectory, name: str) -> Document:
    """Return all figures of an evaluation; raises RunError if it cannot be read."""
    history = history_without_steps(run)
    document = point_figures(Inspector(run, history.record), history, EvaluationPoint(name))
    if "unavailable" in document:
        raise RunError(document["unavailable"])
    return {"run": run.id, "name": history.record.name} | document


def print_figures(document: Document) -> None:
    """Print the figures of an evaluation."""
    out = console()
    calibration = document["calibration"]
    out.print(
        f"{document['split']}: accuracy {percent(document['accuracy'])} on {document['digits']:,} digits,"
        f" {document['mistakes']:,} mistakes; expected calibration error {percent(calibration['expected_error'])}"
    )
    for confusion in document["top_confusions"][:SHOWN_CONFUSIONS]:
        out.print(Text("  " + sanitize(confusion["words"])))
    print_classes(document["per_class"])


def label_issues_document(run: RunDirectory) -> Document:
    """Return the digits whose prediction differs from their label, the most probable label issue first.

    The predictions are those of the cross-check if there is one, otherwise of the newest epoch. `disputes`, `judged`
    and `verdict` are the old names of `label_issues`, `reviewed` and `review`. Raises RunError without predictions.
    """
    history = history_without_steps(run)
    inspector = Inspector(run, history.record)
    points = inspector.points(history)
    validated = [point for point in points if point.split == VALIDATION]
    if not validated:
        raise RunError(f"run {run.id} has no validated epoch yet: wait for its first")
    point = EvaluationPoint(TRAIN) if EvaluationPoint(TRAIN) in points else validated[-1]
    found = inspector.findings(point, history)
    read, ranked = found.predictions, found.label_issues
    names = class_names(history, read.probabilities.shape[1])
    reviews = {review.digit: review for review in inspector.review_store.read()}
    rows = []
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
        "label_issues": rows,
        "disputes": rows,
    }


def print_label_issues(document: Document, most: int) -> None:
    """Print the first `most` label issues."""
    out, rows = console(), document["label_issues"]
    out.print(f"{len(rows):,} label issues in {document['digits']:,} digits ({document['checked']})")
    cells = []
    for row in rows[:most]:
        review = row["review"] or "–"
        review += f", is {row['correct']}" if row["correct"] else ""
        mark = " *" if row["confident"] else "  "
        texts = (f"#{row['index']:05d}", row["label"], row["suspected"] + mark, f"{row['margin']:.3f}", review)
        cells.append([clip(sanitize(text), LONGEST_TEXT) for text in texts])
    print_table(ISSUE_COLUMNS, cells)
    if len(rows) > most:
        out.print(f"and {len(rows) - most:,} more: --json lists them all, the labels screen shows them")
    out.print("* wrong according to confident learning")


def reviews_csv(run: RunDirectory) -> tuple[str, int]:
    """Return all label reviews of a run as CSV, and their number; raises RunError."""
    history = history_without_steps(run)
    inspector = Inspector(run, history.record)
    reviews: list[LabelReview] = inspector.review_store.read()
    points = inspector.points(history)
    names: tuple[str, ...] = history.started.class_names if history.started else ()
    return to_csv(reviews, names, predictions_of(reviews, inspector, reversed(points))), len(reviews)

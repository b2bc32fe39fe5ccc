"""Single digits on stdout: the figures of an evaluated set, and the labels in dispute."""

import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_tui.analysis.review_csv import to_csv
from mnist_tui.analysis.reviews import LabelReview, ReviewOutcome
from mnist_tui.cli.listing import NARROWEST
from mnist_tui.inspection.figures import Document, class_names, point_figures
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.inspection.review_export import answers_to
from mnist_tui.render.text import percent, sanitize
from mnist_tui.runs.directory import RunDirectory, RunError, replacing
from mnist_tui.runs.summary import history_without_steps


def figures_document(run: RunDirectory, name: str) -> Document:
    """All figures of an evaluated set; raises RunError when it cannot be read."""
    history = history_without_steps(run)
    document = point_figures(Inspector(run, history.record), history, EvaluationPoint(name))
    if "unavailable" in document:
        raise RunError(document["unavailable"])
    return {"run": run.id, "name": history.record.name} | document


def print_figures(document: Document) -> None:
    """The figures for people."""
    console = _console()
    calibration = document["calibration"]
    console.print(
        f"{document['split']}: {percent(document['accuracy'])} of {document['digits']:,} digits,"
        f" {document['mistakes']:,} mistakes; expected calibration error {percent(calibration['expected_error'])}"
    )
    for confusion in document["top_confusions"][:5]:
        console.print(Text("  " + sanitize(confusion["words"])))
    table = Table(box=None, pad_edge=False)
    for heading in ("class", "precision", "recall", "F1", "support"):
        table.add_column(heading, justify="right")
    for one in document["per_class"]:
        scores = (percent(one[key]) for key in ("precision", "recall", "f1"))
        table.add_row(Text(sanitize(one["class"])), *scores, f"{one['support']:,}")
    console.print(table)


def label_issues_document(run: RunDirectory) -> Document:
    """Every digit that is read otherwise than it is labelled, by the cross-check where there is one, else by the
    newest epoch, the most surely wrong label first. Raises RunError when nothing was recorded."""
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
                "verdict": review.outcome if review else None,
                "correct": names[review.correct] if review and review.correct is not None else None,
            }
        )
    reviewed = np.bincount(found.table.review, minlength=len(ReviewOutcome))
    return {
        "run": run.id,
        "checked": point.words,
        "digits": len(read),
        "judged": {code.name.lower(): int(reviewed[code]) for code in ReviewOutcome},
        "disputes": rows,
    }


def print_label_issues(document: Document, most: int) -> None:
    """The first of them for people."""
    console, rows = _console(), document["disputes"]
    console.print(f"{len(rows):,} labels in dispute of {document['digits']:,} digits ({document['checked']})")
    table = Table(box=None, pad_edge=False)
    for heading in ("digit", "label", "suspected", "margin", "verdict"):
        table.add_column(heading, justify="right")
    for row in rows[:most]:
        review = row["verdict"] or "–"
        review += f", is {row['correct']}" if row["correct"] else ""
        sign = " *" if row["confident"] else "  "
        cells = (f"#{row['index']:05d}", row["label"], row["suspected"] + sign, f"{row['margin']:.3f}", review)
        table.add_row(*(Text(sanitize(cell)) for cell in cells))
    console.print(table)
    if len(rows) > most:
        console.print(f"and {len(rows) - most:,} more: --json lists them all, the labels screen shows them")
    console.print("* confident learning counts it as wrong")


def write_reviews(run: RunDirectory, path: Path) -> int:
    """Write all verdicts that hold for a run as CSV and return their number; raises RunError."""
    history = history_without_steps(run)
    inspector = Inspector(run, history.record)
    reviews: list[LabelReview] = inspector.review_store.read()
    points = inspector.points(history)
    names: tuple[str, ...] = history.started.class_names if history.started else ()
    text = to_csv(reviews, names, answers_to(reviews, inspector, reversed(points)))
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): give -o another path") from None
    return len(reviews)


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=NARROWEST)

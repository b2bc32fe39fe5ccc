"""Evaluations and label issues on stdout."""

from rich.text import Text

from mnist_tui.analysis.significance import interval_words
from mnist_tui.cli.listing import LONGEST_TEXT, console, print_classes, print_table
from mnist_tui.inspection.figures import Document, point_figures
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import EvaluationPoint
from mnist_tui.render.columns import Column
from mnist_tui.render.text import clip, percent, sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.summary import history_without_steps

SHOWN_CONFUSIONS = 5
ISSUE_COLUMNS = tuple(
    Column(heading, rank, is_number=True)
    for heading, rank in (("image", 0), ("label", 1), ("suspected", 2), ("margin", 3), ("review", 4))
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
        f"{document['split']}: accuracy {percent(document['accuracy'])} on {document['digits']:,} images"
        f" (95 % interval {interval_words(document['accuracy'], document['digits'])}),"
        f" {document['mistakes']:,} mistakes; expected calibration error {percent(calibration['expected_error'])}"
    )
    for confusion in document["top_confusions"][:SHOWN_CONFUSIONS]:
        out.print(Text("  " + sanitize(confusion["words"])))
    print_classes(document["per_class"])


def print_label_issues(document: Document, most: int) -> None:
    """Print the first `most` label issues."""
    out, rows = console(), document["label_issues"]
    out.print(f"{len(rows):,} label issues in {document['digits']:,} images ({document['checked']})")
    accuracy, cells = document["accuracy"], []
    gain = accuracy["corrected_compared_with_as_labelled"]
    if gain["won"] + gain["lost"]:
        for way in ("as_labelled", "corrected"):
            low, high = accuracy["intervals"][way]
            share = percent(accuracy[f"accuracy_{way}"])
            out.print(f"accuracy {way.replace('_', ' ')}: {share} (95 % interval {percent(low)} to {percent(high)})")
        out.print(f"corrected compared with original labels: {gain['words']}")
    for row in rows[:most]:
        review = row["review"] or "–"
        review += f", is {row['correct']}" if row["correct"] else ""
        mark = " *" if row["confident"] else "  "
        suspected = clip(sanitize(row["suspected"]), LONGEST_TEXT - len(mark)) + mark
        texts = (f"#{row['index']:05d}", row["label"], suspected, f"{row['margin']:.3f}", review)
        cells.append([clip(sanitize(text), LONGEST_TEXT) for text in texts])
    print_table(ISSUE_COLUMNS, cells)
    if len(rows) > most:
        out.print(f"and {len(rows) - most:,} more: --json lists them all, the labels screen shows them")
    out.print("* wrong according to confident learning")

"""Single digits on stdout: the figures of an evaluated set, and the labels in dispute."""

import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_tui.analysis.verdict_csv import to_csv
from mnist_tui.analysis.verdicts import Judged, Verdict
from mnist_tui.evidence.evidence import Evidence
from mnist_tui.evidence.figures import Document, class_names, moment_figures
from mnist_tui.evidence.predictions import TRAIN, VALIDATION, Moment
from mnist_tui.evidence.verdict_export import answers_to
from mnist_tui.listing import NARROWEST, story_of
from mnist_tui.render.text import harmless, percent
from mnist_tui.runs.directory import RunDirectory, RunError, replacing


def figures_document(run: RunDirectory, name: str) -> Document:
    """All figures of an evaluated set; raises RunError when it cannot be read."""
    history = story_of(run).history
    document = moment_figures(Evidence(run, history.record), history, Moment(name))
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
        console.print(Text("  " + harmless(confusion["words"])))
    table = Table(box=None, pad_edge=False)
    for heading in ("class", "precision", "recall", "F1", "support"):
        table.add_column(heading, justify="right")
    for one in document["per_class"]:
        scores = (percent(one[key]) for key in ("precision", "recall", "f1"))
        table.add_row(Text(harmless(one["class"])), *scores, f"{one['support']:,}")
    console.print(table)


def disputes_document(run: RunDirectory) -> Document:
    """Every digit that is read otherwise than it is labelled, by the cross-check where there is one, else by the
    newest epoch, the most surely wrong label first. Raises RunError when nothing was recorded."""
    history = story_of(run).history
    evidence = Evidence(run, history.record)
    moments = evidence.moments(history)
    validated = [moment for moment in moments if moment.split == VALIDATION]
    if not validated:
        raise RunError(f"run {run.id} has no validated epoch yet: wait for its first")
    moment = Moment(TRAIN) if Moment(TRAIN) in moments else validated[-1]
    found = evidence.findings(moment, history)
    read, ranked = found.predictions, found.disputes
    names = class_names(history, read.probabilities.shape[1])
    verdicts = {verdict.digit: verdict for verdict in evidence.book.read()}
    rows = []
    for row, suspected, margin, confident in zip(
        ranked.rows, ranked.suspected, ranked.margins, ranked.confident, strict=True
    ):
        index = int(read.indices[row])
        verdict = verdicts.get(("train", index))
        rows.append(
            {
                "index": index,
                "label": names[read.labels[row]],
                "suspected": names[suspected],
                "margin": float(margin),
                "confident": bool(confident),
                "verdict": verdict.verdict if verdict else None,
                "correct": names[verdict.correct] if verdict and verdict.correct is not None else None,
            }
        )
    judged = np.bincount(found.table.verdict, minlength=len(Judged))
    return {
        "run": run.id,
        "checked": moment.words,
        "digits": len(read),
        "judged": {code.name.lower(): int(judged[code]) for code in Judged},
        "disputes": rows,
    }


def print_disputes(document: Document, most: int) -> None:
    """The first of them for people."""
    console, rows = _console(), document["disputes"]
    console.print(f"{len(rows):,} labels in dispute of {document['digits']:,} digits ({document['checked']})")
    table = Table(box=None, pad_edge=False)
    for heading in ("digit", "label", "suspected", "margin", "verdict"):
        table.add_column(heading, justify="right")
    for row in rows[:most]:
        verdict = row["verdict"] or "–"
        verdict += f", is {row['correct']}" if row["correct"] else ""
        sign = " *" if row["confident"] else "  "
        cells = (f"#{row['index']:05d}", row["label"], row["suspected"] + sign, f"{row['margin']:.3f}", verdict)
        table.add_row(*(Text(harmless(cell)) for cell in cells))
    console.print(table)
    if len(rows) > most:
        console.print(f"and {len(rows) - most:,} more: --json lists them all, the labels screen shows them")
    console.print("* confident learning counts it as wrong")


def write_verdicts(run: RunDirectory, path: Path) -> int:
    """Write all verdicts that hold for a run as CSV and return their number; raises RunError."""
    history = story_of(run).history
    evidence = Evidence(run, history.record)
    verdicts: list[Verdict] = evidence.book.read()
    moments = evidence.moments(history)
    names: tuple[str, ...] = history.started.class_names if history.started else ()
    text = to_csv(verdicts, names, answers_to(verdicts, evidence, reversed(moments)))
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): give -o another path") from None
    return len(verdicts)


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=NARROWEST)

"""Runs on stdout: tables for people, one JSON document for programs."""

import sys
import time
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_tui.analysis.confusion import Report, report
from mnist_tui.render.text import duration, percent
from mnist_tui.runs.directory import home
from mnist_tui.runs.summary import RunSummary

NARROWEST = 100
"""Columns of a table where stdout is no terminal, so that `mnist-tui runs | less` cuts nothing."""


def print_json(document: object) -> None:
    """One document on stdout and nothing else."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def run_document(summary: RunSummary) -> dict[str, Any]:
    """The fields of `show --json`: those of `runs --json`, the settings, and the best epoch's confusion matrix."""
    best = summary.best
    classes = report(best.confusion).classes if best else ()
    return summary.as_json() | {
        "settings": msgspec.to_builtins(summary.record.config),
        "versions": summary.record.versions,
        "data_checksum": summary.record.data_checksum,
        "test_loss": summary.ended.test_loss if summary.ended else None,
        "confusion": best.confusion if best else None,
        "per_class": [
            {
                "class": name,
                "precision": one.precision,
                "recall": one.recall,
                "f1": one.f1,
                "support": one.support,
            }
            for name, one in zip(summary.class_names, classes, strict=False)
        ],
    }


def print_runs(summaries: list[RunSummary]) -> None:
    """A line a run."""
    if not summaries:
        print(f"No runs in {home()} yet. Start one with `mnist-tui train`.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "name", "status", "preset"):
        table.add_column(heading, no_wrap=True)
    for heading in ("epochs", "steps", "validation", "test"):
        table.add_column(heading, justify="right", no_wrap=True)
    for summary in summaries:
        table.add_row(
            summary.record.id,
            Text(summary.record.name),
            str(summary.status),
            summary.record.config.preset,
            f"{summary.epochs_done} of {summary.record.config.epochs}",
            f"{summary.steps_done:,}",
            percent(summary.best.validation_accuracy if summary.best else None),
            percent(summary.ended.test_accuracy if summary.ended else None),
        )
    _console().print(table)


def print_run(summary: RunSummary) -> None:
    """Everything about one run."""
    record, best, ended = summary.record, summary.best, summary.ended
    config = record.config
    facts = Table.grid(padding=(0, 2))
    rows = [
        ("run", f"{record.name} ({record.id})"),
        ("status", f"{summary.status}" + (f", engine is process {summary.pid}" if summary.pid else "")),
        ("started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))),
        ("directory", str(summary.run.path)),
        ("preset", config.preset),
        ("optimizer", f"{config.optimizer}, learning rate {config.learning_rate:g}, batch {config.batch_size}"),
        ("data", config.data + (f", limited to {config.limit:,}" if config.limit else "") + f", seed {config.seed}"),
        ("done", f"{summary.epochs_done} of {config.epochs} epochs, {summary.steps_done:,} steps"),
        ("best epoch", f"{best.epoch}: {percent(best.validation_accuracy)} of the validation digits" if best else "–"),
        ("test", f"{percent(ended.test_accuracy)} of the test digits" if ended and ended.test_accuracy else "–"),
        ("took", duration(ended.seconds) if ended else "–"),
    ]
    if summary.error:
        rows.append(("error", summary.error))
    for label, value in rows:
        facts.add_row(Text(label, style="dim"), Text(value))
    console = _console()
    console.print(facts)
    if best:
        console.print(_per_class(report(best.confusion), summary.class_names, best.epoch))


def _per_class(per_class: Report, names: tuple[str, ...], epoch: int) -> Table:
    table = Table(
        box=None, pad_edge=False, title=f"\nvalidation digits, epoch {epoch}", title_justify="left", title_style=""
    )
    for heading in ("class", "precision", "recall", "F1", "support"):
        table.add_column(heading, justify="right")
    for name, one in zip(names, per_class.classes, strict=False):
        table.add_row(name, percent(one.precision), percent(one.recall), percent(one.f1), f"{one.support:,}")
    return table


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=NARROWEST)

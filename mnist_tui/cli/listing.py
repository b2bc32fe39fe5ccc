"""Runs on stdout: tables for people, one JSON document for programs."""

import sys
import time
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_tui.analysis.confusion import Report, report
from mnist_tui.inspection.figures import all_figures
from mnist_tui.metrics import in_words
from mnist_tui.render.text import duration, percent, sanitize
from mnist_tui.runs.directory import home
from mnist_tui.runs.history import History
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import RunSummary

NARROWEST = 100
"""Columns of a table where stdout is no terminal, so that `mnist-tui runs | less` cuts nothing."""
SHOWN_ALERTS = 3
"""The newest ones."""


def print_json(document: object) -> None:
    """One document on stdout and nothing else."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def run_document(summary: RunSummary) -> dict[str, Any]:
    """The fields of `show --json`: those of `runs --json`, the settings, the best epoch's confusion matrix, and all
    figures of that epoch, of the final test and of every set that was evaluated.

    `settings` are those that the run was started with, `learning_rate` and `early_stopping` those of now.
    """
    best, history = summary.best, summary.history
    checkpoints = summary.run.checkpoint_paths()
    return summary.as_json() | {
        "settings": msgspec.to_builtins(summary.record.config),
        "learning_rate": history.max_learning_rate,
        "early_stopping": history.early_stopping,
        "alerts": [
            {"time": alert.time, "kind": alert.kind, "text": alert.text, "step": alert.step, "epoch": alert.epoch}
            for alert in history.alerts
        ],
        "checkpoint": str(checkpoints[0]) if checkpoints else None,
        "unsaved": summary.ended.unsaved if summary.ended else (),
        "versions": summary.record.versions,
        "data_checksum": summary.record.data_checksum,
        "test_loss": summary.ended.test_loss if summary.ended else None,
        "confusion": best.confusion if best else None,
        "per_class": report(best.confusion).per_class(summary.class_names) if best else [],
        "figures": all_figures(summary.run, history),
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
            Text(sanitize(summary.record.name)),
            str(summary.status),
            Text(sanitize(summary.record.config.networks)),
            f"{summary.epochs_done} of {summary.epochs_planned}",
            f"{summary.steps_done:,}",
            percent(summary.best.validation_accuracy if summary.best else None),
            percent(summary.ended.test_accuracy if summary.ended else None),
        )
    _console().print(table)


def print_run(summary: RunSummary) -> None:
    """Everything about one run."""
    record, best, ended, history = summary.record, summary.best, summary.ended, summary.history
    config, steps = record.config, f"{summary.steps_done:,} step{'' if summary.steps_done == 1 else 's'}"
    facts = Table.grid(padding=(0, 2))
    rows = [
        ("run", f"{record.name} ({record.id})"),
        ("status", f"{summary.status}" + (f", engine is process {summary.pid}" if summary.pid else "")),
        ("started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))),
        ("directory", str(summary.run.path)),
        ("preset", config.networks),
        (
            "optimizer",
            f"{config.optimizer}, learning rate {_rate(history, config.learning_rate)}, batch {config.batch_size}",
        ),
        ("data", config.data + (f", limited to {config.limit:,}" if config.limit else "") + f", seed {config.seed}"),
        ("early stopping", history.early_stopping),
        ("done", f"{summary.epochs_done} of {summary.epochs_planned} epochs, {steps}"),
        ("best epoch", f"{best.epoch}: validation {', '.join(in_words(best.validation))}" if best else "–"),
        ("test", f"{percent(ended.test_accuracy)} of the test digits" if ended and ended.test_accuracy else "–"),
        ("took", duration(ended.seconds) if ended else "–"),
    ]
    if summary.error:
        rows.append(("error", summary.error))
    if ended and ended.unsaved:
        rows.append(("not saved", ", ".join(ended.unsaved)))
    earlier = len(history.alerts) - SHOWN_ALERTS
    for place, alert in enumerate(history.alerts[-SHOWN_ALERTS:]):
        label = "" if place else f"alerts (and {earlier} before)" if earlier > 0 else "alerts"
        rows.append((label, f"step {alert.step:,}: {alert.text}"))
    rows += _ways_on(summary)
    for label, value in rows:
        facts.add_row(Text(label, style="dim"), Text(sanitize(value)))
    console = _console()
    console.print(facts)
    if best:
        console.print(_per_class(report(best.confusion), summary.class_names, best.epoch))


def _rate(history: History, planned: float) -> str:
    now = history.max_learning_rate
    return f"{planned:g}" if now == planned else f"{now:g} (planned: {planned:g})"


def _ways_on(summary: RunSummary) -> list[tuple[str, str]]:
    """How a run that stands still goes on, and from where."""
    if summary.status is Status.PAUSED:
        return [("to go on", f"mnist-tui continue {summary.record.id}")]
    if not summary.status.is_resumable:
        return []
    checkpoints = summary.run.checkpoint_paths()
    step = checkpoints[0].stem.removeprefix("step-").lstrip("0") if checkpoints else ""
    where = f"the checkpoint of step {int(step):,}" if step.isdigit() else "the beginning"
    return [("to go on", f"mnist-tui resume {summary.record.id}, from {where}")]


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

"""Runs on stdout: tables for users, one JSON document for programs."""

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_tui.analysis.confusion import report
from mnist_tui.inspection.figures import all_figures
from mnist_tui.metrics import in_words
from mnist_tui.render.text import duration, percent, sanitize
from mnist_tui.runs.directory import home
from mnist_tui.runs.history import History
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import RunSummary

PIPE_WIDTH = 100
"""Columns if stdout is not a terminal, so that `mnist-tui runs | less` shows whole rows."""
SHOWN_ALERTS = 3
"""Number of newest alerts shown."""


def print_json(document: object) -> None:
    """Print one JSON document and nothing else."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def run_document(summary: RunSummary) -> dict[str, Any]:
    """Return the object that `show --json` prints.

    `settings` are those that the run was started with; `learning_rate` and `early_stopping` are the current ones.
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
        "data_changed_at": history.data_changed_at,
        "test_loss": summary.ended.test_loss if summary.ended else None,
        "confusion": best.confusion if best else None,
        "per_class": report(best.confusion).per_class(summary.class_names) if best else [],
        "figures": all_figures(summary.run, history),
    }


def print_runs(summaries: list[RunSummary]) -> None:
    """Print a table with a row per run."""
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
            Text(sanitize(summary.status_in_words)),
            Text(sanitize(summary.record.config.networks)),
            f"{summary.epochs_done} of {summary.epochs_planned}",
            f"{summary.steps_done:,}",
            percent(summary.best.validation_accuracy if summary.best else None),
            percent(summary.ended.test_accuracy if summary.ended else None),
        )
    out = console()
    out.print(table)
    for summary in summaries:
        if summary.save_error:
            out.print(Text(sanitize(f"{summary.record.name}: {summary.save_error}")))


def print_run(summary: RunSummary) -> None:
    """Print a run's settings, results and scores per class."""
    record, best, ended, history = summary.record, summary.best, summary.ended, summary.history
    config, steps = record.config, f"{summary.steps_done:,} step{'' if summary.steps_done == 1 else 's'}"
    rows = [
        ("run", f"{record.name} ({record.id})"),
        ("status", summary.status_in_words + (f", engine process {summary.pid}" if summary.pid else "")),
        ("started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))),
        ("directory", str(summary.run.path)),
        ("preset", config.networks),
        (
            "optimizer",
            f"{config.optimizer}, learning rate {_learning_rate(history)}, batch size {config.batch_size}",
        ),
        ("data", _data(history)),
        ("early stopping", history.early_stopping),
        ("done", f"{summary.epochs_done} of {summary.epochs_planned} epochs, {steps}"),
        ("best epoch", f"{best.epoch}: validation {', '.join(in_words(best.validation))}" if best else "–"),
        ("test", f"{percent(ended.test_accuracy)} accuracy" if ended and ended.test_accuracy is not None else "–"),
        ("took", duration(ended.seconds) if ended else "–"),
    ]
    if summary.error:
        rows.append(("error", summary.error))
    if summary.save_error:
        rows.append(("not saved", summary.save_error.removeprefix("not saved: ")))
    elif ended and ended.unsaved:
        rows.append(("not saved", ", ".join(ended.unsaved)))
    earlier = len(history.alerts) - SHOWN_ALERTS
    for position, alert in enumerate(history.alerts[-SHOWN_ALERTS:]):
        label = "" if position else f"alerts ({earlier} earlier)" if earlier > 0 else "alerts"
        rows.append((label, f"step {alert.step:,}: {alert.text}"))
    facts = Table.grid(padding=(0, 2))
    for label, value in rows + _how_to_continue(summary):
        facts.add_row(Text(label, style="dim"), Text(sanitize(value)))
    out = console()
    out.print(facts)
    if best:
        scores = report(best.confusion).per_class(summary.class_names)
        out.print(class_table(scores, f"\nvalidation, epoch {best.epoch}"))


def _data(history: History) -> str:
    config, changed_at = history.record.config, history.data_changed_at
    limit = f", limited to {config.limit:,}" if config.limit is not None else ""
    changed = f", other content since step {changed_at:,}" if changed_at is not None else ""
    return f"{config.data}{limit}, seed {config.seed}{changed}"


def _learning_rate(history: History) -> str:
    now, planned = history.max_learning_rate, history.record.config.learning_rate
    return f"{now:g}" if now == planned else f"{now:g} (planned: {planned:g})"


def _how_to_continue(summary: RunSummary) -> list[tuple[str, str]]:
    if summary.status is Status.PAUSED:
        return [("to continue", f"mnist-tui continue {summary.record.id}")]
    if not summary.status.is_resumable:
        return []
    checkpoints = summary.run.checkpoint_paths()
    step = checkpoints[0].stem.removeprefix("step-").lstrip("0") if checkpoints else ""
    where = f"the checkpoint of step {int(step):,}" if step.isdigit() else "the beginning"
    return [("to continue", f"mnist-tui resume {summary.record.id}, from {where}")]


def class_table(scores: Iterable[Mapping[str, Any]], title: str | None = None) -> Table:
    """Return a table of the scores of each class."""
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="")
    for heading in ("class", "precision", "recall", "F1", "support"):
        table.add_column(heading, justify="right")
    for score in scores:
        shares = (percent(score[key]) for key in ("precision", "recall", "f1"))
        table.add_row(Text(sanitize(score["class"])), *shares, f"{score['support']:,}")
    return table


def console() -> Console:
    """Return a console for stdout."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)

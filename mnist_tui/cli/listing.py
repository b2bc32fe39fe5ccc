"""Runs on stdout: tables for users, one JSON document for programs."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnist_tui.analysis.confusion import report
from mnist_tui.analysis.significance import NO_INTERVAL, Interval, accuracy_interval, interval_words
from mnist_tui.events import RollingEvaluated
from mnist_tui.inspection.figures import all_figures, class_names
from mnist_tui.metrics import in_words
from mnist_tui.render.columns import Column, column_widths, columns_that_fit
from mnist_tui.render.text import PIN, clip, data_size, duration, joules, percent, sanitize, test_results, watt_hours
from mnist_tui.runs.directory import home
from mnist_tui.runs.history import History
from mnist_tui.runs.notes import describe_tests, rolling_words
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import RunSummary
from mnist_tui.untrusted import sanitized

PIPE_WIDTH = 100
"""Width of text if stdout is not a terminal; tables are as wide as they need."""
GAP = 2
"""Blanks between two columns."""
RUN_COLUMNS = (
    Column("run", 4),
    Column("name", 0),
    Column("status", 1),
    Column("preset", 5),
    Column("epochs", 6, is_number=True),
    Column("steps", 7, is_number=True),
    Column("validation", 2, is_number=True),
    Column("test", 3, is_number=True),
    Column("size", 9, is_number=True),
    Column("tags", 8),
)
COMPARED_COLUMNS = (
    Column("run", 0),
    Column("preset", 6),
    Column("status", 5),
    Column("validation", 2, is_number=True),
    Column("95 % interval", 4, is_number=True),
    Column("test", 1, is_number=True),
    Column("95 % interval", 3, is_number=True),
    Column("energy", 7, is_number=True),
)
CLASS_COLUMNS = (
    Column("class", 0, is_number=True),
    Column("precision", 2, is_number=True),
    Column("recall", 3, is_number=True),
    Column("F1", 1, is_number=True),
    Column("support", 4, is_number=True),
)
LONGEST_TEXT = 40
"""Width of the longest name or preset that is not shortened."""
LONGEST_VALUE = 2_000
"""Characters of a longest value of `show`."""
SHOWN_ALERTS = 3
"""Number of newest alerts shown."""


def print_json(document: object) -> None:
    """Print one JSON document and nothing else."""
    try:
        data = msgspec.json.encode(document)
    except UnicodeEncodeError:  # a path that is not UTF-8
        data = msgspec.json.encode(sanitized(msgspec.to_builtins(document)))
    sys.stdout.flush()
    sys.stdout.buffer.write(msgspec.json.format(data, indent=2) + b"\n")  # JSON is UTF-8 in any locale


def run_document(summary: RunSummary) -> dict[str, Any]:
    """Return the object that `show --json` prints.

    `settings` are those that the run was started with; `learning_rate`, `early_stopping`, `until` and `on_end` are
    the current ones.
    """
    best, history = summary.best, summary.history
    checkpoints = summary.run.checkpoint_paths()
    return summary.as_json() | {
        **intervals(summary),
        "settings": msgspec.to_builtins(summary.record.config) if summary.record.imported_from is None else {},
        "imported_from": summary.record.imported_from,
        "learning_rate": history.max_learning_rate,
        "early_stopping": history.early_stopping,
        "until": history.until,
        "on_end": history.on_end,
        "commands": [
            {"time": ran.time, "occasion": ran.occasion, "text": ran.text, "succeeded": ran.succeeded}
            for ran in history.commands
        ],
        "alerts": [
            {"time": alert.time, "kind": alert.kind, "text": alert.text, "step": alert.step, "epoch": alert.epoch}
            for alert in history.alerts
        ],
        "checkpoint": str(checkpoints[0]) if checkpoints else None,
        "unsaved": summary.ended.unsaved if summary.ended else (),
        "versions": summary.record.versions,
        "data_checksum": summary.record.data_checksum,
        "data_changed_at": history.data_changed_at,
        "test_loss": summary.test.test_loss if summary.test else None,
        "confusion": best.confusion if best else None,
        "per_class": report(best.confusion).per_class(class_names(history, len(best.confusion))) if best else [],
        "figures": all_figures(summary.run, history),
    }


def intervals(summary: RunSummary) -> dict[str, Interval | None]:
    """Return the 95 % intervals of a run's validation and test accuracy, 0..1."""
    return {
        "validation_interval": accuracy_interval(summary.validation_accuracy, summary.validation_count),
        "test_interval": accuracy_interval(summary.test_accuracy, summary.test_count),
    }


def print_runs(summaries: list[RunSummary]) -> None:
    """Print a table with a row per run."""
    if not summaries:
        print(f"No runs in {home()} yet. Start one with `mnist-tui train`.")
        return
    rows = [
        (
            summary.record.id,
            (PIN if summary.about.pinned else "") + clip(sanitize(summary.record.name), LONGEST_TEXT),
            clip(sanitize(summary.status_in_words), LONGEST_TEXT),
            clip(sanitize(summary.record.config.networks), LONGEST_TEXT),
            f"{summary.epochs_done} of {summary.epochs_planned}",
            f"{summary.steps_done:,}",
            percent(summary.validation_accuracy),
            test_results(summary.history.test_accuracies),
            data_size(summary.size),
            clip(" ".join(summary.about.tags), LONGEST_TEXT),
        )
        for summary in summaries
    ]
    has_tags = any(summary.about.tags for summary in summaries)
    print_table(RUN_COLUMNS if has_tags else RUN_COLUMNS[:-1], rows)
    for summary in summaries:
        skipped = skipped_words(summary.unreadable) if summary.unreadable else ""
        for problem in filter(None, (summary.save_error, skipped)):
            console().print(clip(sanitize(f"{summary.record.name}: {problem}"), LONGEST_VALUE))


def print_compared(summaries: Sequence[RunSummary]) -> None:
    """Print the results of runs with their 95 % intervals."""
    rows = [
        (
            clip(sanitize(each.record.name), LONGEST_TEXT),
            clip(sanitize(each.record.config.networks), LONGEST_TEXT),
            clip(sanitize(each.status_in_words), LONGEST_TEXT),
            percent(each.validation_accuracy),
            interval_words(each.validation_accuracy, each.validation_count),
            percent(each.test_accuracy),
            interval_words(each.test_accuracy, each.test_count),
            watt_hours(each.history.energy.worked.watt_hours, at_least=each.history.energy.is_partial),
        )
        for each in summaries
    ]
    print_table(COMPARED_COLUMNS, rows)


def _rolling_rows(summary: RunSummary) -> list[tuple[str, str]]:
    newest = summary.history.newest_validation
    if not isinstance(newest, RollingEvaluated):
        return []
    words = rolling_words(newest.count, summary.validation_count, newest.first_step, newest.step)
    return [("since then" if summary.best else "so far", f"{words}: {', '.join(in_words(newest.validation))}")]


def print_run(summary: RunSummary) -> None:
    """Print a run's settings, results and scores per class."""
    record, best, ended, history = summary.record, summary.best, summary.ended, summary.history
    steps = f"{summary.steps_done:,} step{'' if summary.steps_done == 1 else 's'}"
    rows = [
        ("run", f"{record.name} ({record.id})"),
        ("status", summary.status_in_words + (f", engine process {summary.pid}" if summary.pid else "")),
        ("started", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))),
        ("directory", f"{summary.run.path}, {data_size(summary.size)}"),
        *([("tags", " ".join(summary.about.tags))] if summary.about.tags else []),
        *([("note", summary.about.note)] if summary.about.note else []),
        *(_settings(history) if record.imported_from is None else [("imported from", record.imported_from)]),
        ("done", f"{summary.epochs_done} of {summary.epochs_planned} epochs, {steps}"),
        ("best epoch", f"{best.epoch}: validation {', '.join(in_words(best.validation))}" if best else "–"),
        *_interval_rows(summary.validation_accuracy, summary.validation_count),
        *_rolling_rows(summary),
        ("test", describe_tests(history.tests) if history.tests else "–"),
        *_interval_rows(summary.test_accuracy, summary.test_count),
        ("took", duration(ended.seconds) if ended and ended.seconds else "–"),
        *(_energy_rows(history) if record.imported_from is None else []),
    ]
    if summary.error:
        rows.append(("error", summary.error))
    if summary.unreadable:
        rows.append(("skipped", skipped_words(summary.unreadable)))
    if summary.save_error:
        rows.append(("not saved", summary.save_error.removeprefix("not saved: ")))
    elif ended and ended.unsaved:
        rows.append(("not saved", ", ".join(ended.unsaved)))
    rows += [("on end ran", f"{ran.occasion}: {ran.text}") for ran in history.commands[-1:]]
    earlier = len(history.alerts) - SHOWN_ALERTS
    for position, alert in enumerate(history.alerts[-SHOWN_ALERTS:]):
        label = "" if position else f"alerts ({earlier} earlier)" if earlier > 0 else "alerts"
        rows.append((label, f"step {alert.step:,}: {alert.text}"))
    facts = Table.grid(padding=(0, 2))
    for label, value in rows + _how_to_continue(summary):
        facts.add_row(Text(label, style="dim"), Text(clip(sanitize(value), LONGEST_VALUE)))
    console().print(facts)
    if best and best.confusion:
        print(f"\nvalidation, epoch {best.epoch}")
        print_classes(report(best.confusion).per_class(class_names(history, len(best.confusion))))


def _interval_rows(accuracy: float | None, count: int) -> list[tuple[str, str]]:
    words = interval_words(accuracy, count)
    return [] if words == NO_INTERVAL else [("", f"accuracy on {count:,} images: 95 % interval {words}")]


def _energy_rows(history: History) -> list[tuple[str, str]]:
    energy = history.energy
    used = energy.worked.watt_hours
    if used is None:
        return [("energy", f"N/A{energy.note and f': {energy.note}'}")]
    paused = energy.paused.watt_hours
    reached = energy.to_accuracies(history.epochs)
    targets = [f"{watt_hours(each)} to {float(key) * 100:g} %" for key, each in reached.items() if each is not None]
    total = f"{watt_hours(used, at_least=energy.is_partial)}{f', pauses {watt_hours(paused)}' if paused else ''}"
    return [
        ("energy", f"{total}: {energy.covers}; {joules(energy.joules_per_image)} an image"),
        *([("", f"validation: {', '.join(targets)}")] if targets else []),
    ]


def _settings(history: History) -> list[tuple[str, str]]:
    config = history.record.config
    notes = [("", note) for note in history.record.model_notes]
    return [
        *([("model", config.networks), *notes] if config.model else []),
        ("preset", config.preset if config.model else config.networks),
        (
            "optimizer",
            f"{config.optimizer}, learning rate {_learning_rate(history)}, batch size {config.batch_size}",
        ),
        ("data", _data(history)),
        ("early stopping", history.early_stopping),
        *((label, value) for label, value in (("until", history.until), ("on end", history.on_end)) if value != "off"),
    ]


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


def print_classes(scores: Iterable[Mapping[str, Any]]) -> None:
    """Print the scores of each class."""
    rows = [
        (
            clip(sanitize(score["class"]), LONGEST_TEXT),
            *(percent(score[key]) for key in ("precision", "recall", "f1")),
            f"{score['support']:,}",
        )
        for score in scores
    ]
    print_table(CLASS_COLUMNS, rows)


def skipped_words(unreadable: int) -> str:
    """Return how many lines of the event log were skipped."""
    lines = "1 line" if unreadable == 1 else f"{unreadable:,} lines"
    return f"{lines} of events.jsonl, damaged or of another version"


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table without the columns that a terminal has no room for; in a pipe, print all."""
    widths = column_widths(columns, rows)
    room = console().width if sys.stdout.isatty() else sum(widths) + GAP * len(widths)
    shown = columns_that_fit(columns, widths, room + GAP, GAP)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for place in shown:
        column = columns[place]
        table.add_column(column.heading, justify="right" if column.is_number else "left", no_wrap=True)
    for cells in rows:
        table.add_row(*(cells[place] for place in shown))
    console(room).print(table)


def console(width: int = PIPE_WIDTH) -> Console:
    """Return a console for stdout; `width` is for a pipe. It takes texts as they are, without markup."""
    return Console(width=None if sys.stdout.isatty() else width, markup=False, emoji=False)

"""The queue on stdout."""

import sys
from typing import Any

from mnist_tui.cli.listing import LONGEST_TEXT, LONGEST_VALUE, print_table
from mnist_tui.render.columns import Column
from mnist_tui.render.text import clip, percent, sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.queue import QueueState
from mnist_tui.runs.queue_entry import Entry, State
from mnist_tui.runs.summary import RunSummary, summarize

COLUMNS = (
    Column("entry", 0, is_number=True),
    Column("state", 1),
    Column("run", 3),
    Column("validation", 4, is_number=True),
    Column("settings", 2),
    Column("group", 5),
)
MOST_LISTED = 100
"""Waiting entries that are listed."""
LONGEST_SETTINGS = 80
"""Width of settings that are not shortened."""


def document(state: QueueState) -> dict[str, Any]:
    """Return the object that `queue --json` prints."""
    return {
        "paused": state.is_paused,
        "interrupted": state.is_interrupted,
        "runner": state.runner.endpoint.pid or None if state.runner is not None else None,
        "waits_for": state.hindrance or None,
        "unreadable": state.contents.troubles,
        "entries": [_entry_document(entry) for entry in state.contents.entries],
    }


def _entry_document(entry: Entry) -> dict[str, Any]:
    summary = _summary(entry)
    return {
        "entry": entry.number,
        "state": str(entry.state),
        "group": entry.group or None,
        "settings": entry.settings,
        "added": entry.added,
        "run": entry.run or None,
        "name": summary.record.name if summary else None,
        "status": str(summary.status) if summary else None,
        "validation_accuracy": summary.validation_accuracy if summary else None,
        "error": entry.error or None,
    }


def print_queue(state: QueueState) -> None:
    """Print a row for each entry, and why nothing starts."""
    unlisted = max(0, len(state.waiting) - MOST_LISTED)
    entries = state.contents.entries[: len(state.contents.entries) - unlisted]  # those that wait come last
    if entries:
        print_table(
            COLUMNS if any(entry.group for entry in entries) else COLUMNS[:-1], [_row(each) for each in entries]
        )
    else:
        print("The queue is empty. Add a run with `mnist-tui queue add`.")
    if unlisted:
        print(f"and {unlisted:,} more that wait: `mnist-tui queue --json` lists all")
    for entry in entries:
        if entry.error:
            print(clip(f"entry {entry.number}: {sanitize(entry.error)}", LONGEST_VALUE))
    for trouble in state.contents.troubles:
        print(f"mnist-tui: {sanitize(trouble)}", file=sys.stderr)
    if state.is_interrupted:
        print("The machine was restarted. `mnist-tui queue continue` goes on.")
    elif state.is_paused:
        print("Paused: no further run starts. `mnist-tui queue continue` goes on.")
    elif state.hindrance:
        print(clip(f"Next run: {state.hindrance}", LONGEST_VALUE))


def _row(entry: Entry) -> tuple[str, ...]:
    summary = _summary(entry)
    return (
        str(entry.number),
        summary.status_in_words if summary is not None and entry.state is State.RUNNING else entry.state_words,
        clip(sanitize(summary.record.name if summary else entry.run or "–"), LONGEST_TEXT),
        percent(summary.validation_accuracy) if summary else "–",
        clip(entry.words, LONGEST_SETTINGS),
        sanitize(entry.group),
    )


def _summary(entry: Entry) -> RunSummary | None:
    try:
        return summarize(entry.directory) if entry.directory is not None else None
    except RunError:  # deleted since
        return None

"""The rows of the table of runs: its columns, and their texts."""

from mnist_tui.render.columns import Column
from mnist_tui.render.text import PIN, clip, data_size, percent, sanitize, test_results
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import RunSummary

LONGEST_NAME = 24
LONGEST_PRESET = 24
ROLLING = "~"
"""Precedes the accuracy of a rolling evaluation, which is of a part of the validation images."""
COLUMNS = (
    Column("name", 0),
    Column("status", 1),
    Column("preset", 4),
    Column("epochs", 5, is_number=True),
    Column("validation", 2, is_number=True),
    Column("test", 3, is_number=True),
    Column("images/s", 7, is_number=True),
    Column("age", 6, is_number=True),
)


def about_words(summary: RunSummary, width: int) -> str:
    """Return the size, the tags and the note of a run in as many parts as fit."""
    about = summary.about
    parts = (data_size(summary.size), "pinned" if about.pinned else "", " ".join(about.tags), about.note)
    return clip(sanitize(" · ".join(filter(None, parts))), width)


def row(summary: RunSummary, now: float) -> tuple[str, ...]:
    """Return a run's text for each of COLUMNS."""
    config, rolling, speed = summary.record.config, summary.newest_rolling, summary.images_per_second
    share = summary.share_done if summary.status in (Status.TRAINING, Status.PAUSED) else None
    return (
        (PIN if summary.about.pinned else "") + clip(sanitize(summary.record.name), LONGEST_NAME),
        sanitize(summary.status_in_words) + (f" {100 * share:3.0f} %" if share is not None else ""),
        clip(sanitize(config.networks), LONGEST_PRESET),
        f"{summary.epochs_done}/{summary.epochs_planned}",
        percent(summary.validation_accuracy)
        if rolling is None
        else ROLLING + percent(rolling.validation.get("accuracy")),
        test_results(summary.history.test_accuracies),
        f"{speed:,.0f}" if speed is not None else "–",
        age(now - summary.record.created),
    )


def age(seconds: float) -> str:
    """Return a duration in its largest unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:,.0f} {unit}"
    return "now"


def left_out_words(troubles: list[str]) -> str:
    """Return why runs are not listed: the first reason, and the number of others."""
    more = f"; and {len(troubles) - 1:,} more: `mnist-tui runs` names them" if len(troubles) > 1 else ""
    return f"left out: {sanitize(troubles[0])}{more}" if troubles else ""

"""Reference lines of the plots: chance, the original network, the best runs, and a line of the user's own."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mnist_tui.metrics import METRICS, Metric
from mnist_tui.runs.history import History
from mnist_tui.runs.summary import RunSummary, newest_summaries
from mnist_tui.untrusted import sanitize

ORIGINAL_ACCURACY = 0.9929
"""Accuracy on Kaggle's Digit Recognizer of the network that this project started from."""
DIGIT_RECOGNIZER = ("mnist", "train.csv")
"""Data sets, by name or file name, to which that accuracy applies."""
MOST_RUNS = 50
"""Newest runs of which the best is looked for."""


@dataclass(frozen=True)
class ReferenceLine:
    """A level in the plot of a metric."""

    metric: str
    """Key of the metric."""
    value: float
    """Unscaled."""
    name: str

    @property
    def words(self) -> str:
        """Name and value, as in "chance 10.00 %"."""
        return f"{self.name} {METRICS[self.metric].format(self.value)}"


def reference_lines(history: History, best: RunSummary | None, own: Mapping[str, float]) -> tuple[ReferenceLine, ...]:
    """Return the reference lines of a run.

    Args:
        history: The run.
        best: The best other run on the same data, if there is one.
        own: Key of a metric -> the user's own level, unscaled.
    """
    lines = list(shared_lines(history, own))
    for key in ("accuracy", "loss"):
        lines += _best_epoch(history, METRICS[key])
        if best is not None and (key != "loss" or _same_loss(history, best.history)):
            value = best.best.validation.get(key) if best.best is not None else None
            lines += [ReferenceLine(key, value, f"best run {sanitize(best.record.name)}")] if value is not None else []
    return tuple(lines)


def shared_lines(history: History, own: Mapping[str, float]) -> tuple[ReferenceLine, ...]:
    """Return the lines that a run shares with all runs on the same data: chance, the original network, the user's."""
    lines = [ReferenceLine(key, value, "own line") for key, value in own.items() if key in METRICS]
    started, config = history.started, history.record.config
    if started is not None and started.class_names:
        classes = len(started.class_names)
        lines.append(ReferenceLine("accuracy", 1 / classes, "chance"))
        lines.append(ReferenceLine("loss", math.log(classes), "chance"))
    if Path(config.data).name in DIGIT_RECOGNIZER:
        lines.append(ReferenceLine("accuracy", ORIGINAL_ACCURACY, "original network"))
    return tuple(lines)


def _best_epoch(history: History, metric: Metric) -> list[ReferenceLine]:
    found = [
        (value, epoch.epoch) for epoch in history.epochs if (value := epoch.validation.get(metric.key)) is not None
    ]
    if not found:
        return []
    value, epoch = max(found) if metric.higher_is_better else min(found)
    return [ReferenceLine(metric.key, value, f"best, epoch {epoch}")]


def _same_loss(history: History, other: History) -> bool:
    """Return True if the losses of two runs can be compared."""
    smoothing = [each.started.label_smoothing for each in (history, other) if each.started is not None]
    return len(smoothing) == 2 and smoothing[0] == smoothing[1]


def best_run(history: History, folder: Path) -> RunSummary | None:
    """Return the other run on the same data with the highest validation accuracy; reads the runs' events.

    Args:
        history: The run, which is in `folder`.
        folder: Its run directory.
    """
    found = [
        each
        for each in newest_summaries(MOST_RUNS, other_than=folder)
        if each.record.data_checksum == history.record.data_checksum and each.validation_accuracy is not None
    ]
    return max(found, key=lambda each: each.validation_accuracy or 0.0, default=None)

"""History, predictions, label issues and label reviews as CSV and Parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_tui.export.source import Source
from mnist_tui.inspection.label_tables import label_issues_document, reviews_csv
from mnist_tui.inspection.predictions import TRAIN
from mnist_tui.metrics import METRICS
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.steps import FIXED_COLUMNS

if TYPE_CHECKING:
    import pandas as pd


def steps_csv(source: Source, path: Path) -> str:
    return _write_csv(step_frame(source.history), path)


def steps_parquet(source: Source, path: Path) -> str:
    return _write_parquet(step_frame(source.history), path)


def epochs_csv(source: Source, path: Path) -> str:
    return _write_csv(epoch_frame(source.history), path)


def epochs_parquet(source: Source, path: Path) -> str:
    return _write_parquet(epoch_frame(source.history), path)


def rolling_csv(source: Source, path: Path) -> str:
    return _write_csv(rolling_frame(source.history), path)


def predictions_csv(source: Source, path: Path) -> str:
    return _write_csv(prediction_frame(source), path, "%.6g")


def label_issues_csv(source: Source, path: Path) -> str:
    import pandas as pd

    columns = ["index", "label", "suspected", "margin", "confident", "review", "correct"]
    return _write_csv(pd.DataFrame(label_issues_document(source.run)["label_issues"], columns=columns), path, "%.6g")


def label_reviews_csv(source: Source, path: Path) -> str:
    text, count = reviews_csv(source.run)
    path.write_text(text, "utf-8", newline="")
    return _rows(count)


def step_frame(history: History) -> "pd.DataFrame":
    """Return a row for each step: step, epoch, time, seconds worked, and the metrics that were recorded, unscaled.

    `time` is in seconds since 1970. Metrics of layers and hardware stand in the rows of the steps at which they were
    sampled; further GPUs have columns of their own, such as gpu_power_1. Raises RunError without steps.
    """
    import pandas as pd

    table = history.steps
    if not table.count:
        raise RunError(f"run {history.record.id} has no steps yet: wait for its first, then export it")
    columns: dict[str, Any] = {key: table.column(key) for key in FIXED_COLUMNS}
    columns |= {key: columns[key].astype(np.int64) for key in ("step", "epoch")}
    columns["seconds"] = columns.pop("worked")
    columns |= {key: table.column(key) for key in METRICS if key in table}
    steps = columns["step"]
    gpus = max((len(sample.gpus) for _, sample in history.hardware_samples), default=0)
    for metric in METRICS.values():
        for gpu in range(gpus if metric.is_of_gpu else 1) if metric.source != "steps" else ():
            curve = history.curve(metric, gpu)
            rows = np.searchsorted(steps, curve.steps)
            is_stepped = rows < len(steps)
            values = np.full(len(steps), np.nan)
            values[rows[is_stepped]] = curve.values[is_stepped]
            if not np.isnan(values).all():
                columns[metric.key if not gpu else f"{metric.key}_{gpu}"] = values
    return pd.DataFrame(columns)


def epoch_frame(history: History) -> "pd.DataFrame":
    """Return a row for each epoch, with its metrics of training and validation; raises RunError without epochs."""
    import pandas as pd

    epochs = history.epochs
    if not epochs:
        raise RunError(f"run {history.record.id} has no epochs yet: wait for its first, then export it")
    columns: dict[str, list[Any]] = {key: [getattr(each, key) for each in epochs] for key in ("epoch", "step", "time")}
    for split in ("train", "validation"):
        recorded = [getattr(each, split) for each in epochs]
        for key in METRICS:
            if any(key in values for values in recorded):
                columns[f"{split}_{key}"] = [values.get(key) for values in recorded]
    for key in ("seconds", "validation_seconds", "is_best", "complete"):
        columns[key] = [getattr(each, key) for each in epochs]
    return pd.DataFrame(columns)


def rolling_frame(history: History) -> "pd.DataFrame":
    """Return a row for each rolling evaluation, with its metrics: of a part of the validation images, so no epoch's.

    Raises RunError without any.
    """
    import pandas as pd

    if not history.rolling:
        raise RunError(f"run {history.record.id} has no rolling evaluations: set `rolling`, wait, or export its epochs")
    keys = ("step", "first_step", "epoch", "time", "count")
    columns: dict[str, list[Any]] = {key: [getattr(each, key) for each in history.rolling] for key in keys}
    for key in METRICS:
        if any(key in each.validation for each in history.rolling):
            columns[f"validation_{key}"] = [each.validation.get(key) for each in history.rolling]
    return pd.DataFrame(columns)


def prediction_frame(source: Source) -> "pd.DataFrame":
    """Return a row for each image of the best epoch, the tests and the sets given to `evaluate`.

    Columns: evaluation, epoch, index, label, predicted, confidence, and the probability of each class. Raises RunError
    if there are no predictions.
    """
    import pandas as pd

    return pd.concat(list(_prediction_frames(source)), ignore_index=True)


def _prediction_frames(source: Source) -> Iterator["pd.DataFrame"]:
    import pandas as pd

    points = [each for each in source.inspector.other_points(source.history) if each.split != TRAIN]
    for point in [source.kept_point, *points]:
        try:
            read = source.inspector.predictions(point)
        except RunError:
            if point == source.kept_point:
                raise
            continue  # other evaluations may have been removed
        names = np.array(source.names(read.probabilities.shape[1]))
        predicted = read.probabilities.argmax(axis=1)
        first = {
            "evaluation": point.images_name,
            "epoch": pd.array([point.epoch] * len(read), dtype="Int64"),
            "index": read.indices,
            "label": names[read.labels],
            "predicted": names[predicted],
            "confidence": read.probabilities.max(axis=1).astype(np.float32),
        }
        classes = {f"p_{name}": read.probabilities[:, place].astype(np.float32) for place, name in enumerate(names)}
        yield pd.DataFrame(first | classes)


def _write_csv(frame: "pd.DataFrame", path: Path, float_format: str | None = None) -> str:
    frame.to_csv(path, index=False, lineterminator="\n", float_format=float_format)
    return _rows(len(frame))


def _write_parquet(frame: "pd.DataFrame", path: Path) -> str:
    frame.to_parquet(path, index=False)
    return _rows(len(frame))


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"

"""The report of a run, as an HTML page and as Markdown."""

import math
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui import __version__
from mnist_tui.analysis.calibration import coverage, reliability
from mnist_tui.analysis.confusion import confusion_matrix, report, top_confusions
from mnist_tui.analysis.table import ExampleTable, tabulate
from mnist_tui.export.source import Source
from mnist_tui.inspection.figures import THRESHOLDS
from mnist_tui.inspection.predictions import TEST, EvaluationPoint, Predictions
from mnist_tui.metrics import METRICS, Metric
from mnist_tui.render.report.content import Calibration, Chart, Evaluation, Example, Figure, Report, Table
from mnist_tui.render.text import clip, duration, percent, sanitize, shape
from mnist_tui.resources import asset
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.history import History
from mnist_tui.settings import SETTINGS

BUCKETS = 240
"""Points of a curve, each a range and a mean of neighbouring steps."""
MAX_EXAMPLES = 48
MAX_EXAMPLE_BYTES = 300_000
"""Bytes of all examples together, so that the page stays below 1 MB."""
MAX_ROWS = 60
"""Rows of a table of epochs or layers."""
WORST = 15
LONGEST_NAME = 40


def html(source: Source, path: Path) -> str:
    """Write the report as one HTML page."""
    from mnist_tui.render.report.page import page

    template, css = (asset(f"report.{kind}").read_text("utf-8") for kind in ("html", "css"))
    path.write_text(page(gather(source), template, css), "utf-8")
    return "report"


def markdown(source: Source, path: Path) -> str:
    """Write the report as Markdown, without curves and images."""
    from mnist_tui.render.report.markdown import markdown as as_markdown

    path.write_text(as_markdown(gather(source)), "utf-8")
    return "report"


def gather(source: Source) -> Report:
    """Read what a report shows; raises RunError before the first step."""
    history = source.history
    record, config = history.record, history.record.config
    if not history.steps.count and not history.epochs:
        raise RunError(f"run {record.id} has no steps yet: wait for its first, then export it")
    created = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created))
    data = Path(config.data).name if config.data.startswith("/") else config.data
    what = f"{config.networks} on {data}" if record.imported_from is None else "imported"
    return Report(
        name=record.name,
        subtitle=sanitize(f"{what} · started {created} · run {record.id}"),
        written=f"Written by mnist-tui {__version__} on {time.strftime('%Y-%m-%d %H:%M')}.",
        figures=_figures(source),
        charts=[_chart(history, metric) for metric in METRICS.values() if _is_charted(history, metric)],
        evaluation=_evaluation(source),
        alerts=[f"Step {alert.step:,}: {alert.text}" for alert in history.alerts],
        tables=[
            ("Epochs", _epochs(history)),
            ("Model", _layers(history)),
            ("Settings", settings_table(history)),
            ("Environment", _environment(history)),
        ],
    )


def _figures(source: Source) -> list[Figure]:
    history = source.history
    best, started = history.best_epoch, history.started
    figures = []
    if best is not None:
        figures.append(Figure("Validation accuracy", percent(best.validation.get("accuracy")), f"epoch {best.epoch}"))
        figures.append(Figure("Validation loss", METRICS["loss"].format(best.validation.get("loss")), "same epoch"))
    for test in history.tests[:1]:
        note = f"{started.test_count:,} images, first result" if started else "first result"
        figures.append(Figure("Test accuracy", percent(test.test_accuracy), note))
    done = sum(epoch.complete for epoch in history.epochs)
    figures.append(Figure("Epochs", f"{done:,}", f"of {history.epochs_planned:,}, {history.last_step:,} steps"))
    seconds = history.ended.seconds if history.ended else history.worked(history.last_time or history.record.created)
    live = source.run.engine()
    status = history.status(live=live is not None)
    figures.append(Figure("Time", duration(seconds or None), str(status)))
    if started is not None:
        parameters = sum(layer.parameters for layer in started.layers)
        figures.append(
            Figure("Parameters", f"{parameters:,}", f"{len(started.layers):,} layer{'s' * (len(started.layers) != 1)}")
        )
    return figures


def _is_charted(history: History, metric: Metric) -> bool:
    return metric.source != "hardware" and history.is_recorded(metric)


def _chart(history: History, metric: Metric) -> Chart:
    curve, scale = history.curve(metric), metric.scale
    buckets = curve.pyramid.buckets(curve.values, 0, len(curve.values), BUCKETS)
    steps, values = history.validation(metric.key)
    best = history.best_epoch
    return Chart(
        title=metric.label + (f", {metric.unit}" if metric.unit else ""),
        steps=curve.steps[buckets.middles] if len(curve.steps) else np.zeros(0),
        low=buckets.low * scale,
        high=buckets.high * scale,
        mean=buckets.mean * scale,
        broken=buckets.broken > 0 if metric.source == "steps" else np.zeros(len(buckets.low), dtype=bool),
        point_steps=steps,
        points=values * scale,
        best=next((place for place, epoch in enumerate(history.epochs) if epoch is best), None),
        bounds=metric.bounds,
        may_be_log=metric.higher_is_better is False or metric.source == "layers",
    )


def _evaluation(source: Source) -> Evaluation | None:
    """Return the first test if it was recorded, else the best epoch; only its matrix if the images are gone."""
    history = source.history
    points = [EvaluationPoint(TEST)] if history.tests else []
    points += [source.kept_point] if history.best_epoch else []
    for point in points:
        try:
            return _details(source, source.inspector.predictions(point))
        except RunError:
            continue
    if history.tests and history.tests[0].test_confusion:
        return _scores(source, np.array(history.tests[0].test_confusion), "test")
    best = history.best_epoch
    if best is None or not best.confusion:
        return None
    return _scores(source, np.array(best.confusion), f"validation, epoch {best.epoch}")


def _scores(source: Source, matrix: NDArray[np.int64], split: str) -> Evaluation:
    names = [clip(sanitize(name), LONGEST_NAME) for name in source.names(len(matrix))]
    scores = report(matrix)
    confusions = [
        (names[each.true], names[each.predicted], f"{each.count:,}", f"{each.support:,}", percent(each.share))
        for each in top_confusions(matrix, WORST)
    ]
    rows = [
        (row["class"], percent(row["precision"]), percent(row["recall"]), percent(row["f1"]), f"{row['support']:,}")
        for row in scores.per_class(names)
    ]
    return Evaluation(
        words=f"{split}, {scores.total:,} images, {scores.mistakes:,} misclassified",
        names=names,
        matrix=matrix,
        confusions=Table(("true", "predicted", "count", "of", "share"), confusions, frozenset({2, 3, 4})),
        scores=Table(("class", "precision", "recall", "F1", "images"), rows, frozenset({1, 2, 3, 4})),
        mistakes=scores.mistakes,
    )


def _details(source: Source, read: Predictions) -> Evaluation:
    table = tabulate(read.indices, read.labels, read.probabilities)
    matrix = confusion_matrix(read.labels, table.predicted, read.probabilities.shape[1])
    split = read.point.split if read.epoch is None else f"{read.point.split}, epoch {read.epoch}"
    plain = _scores(source, matrix, split)
    return Evaluation(
        words=plain.words,
        names=plain.names,
        matrix=matrix,
        confusions=plain.confusions,
        scores=plain.scores,
        examples=_examples(read, table, plain.names),
        mistakes=plain.mistakes,
        calibration=_calibration(table),
    )


def _examples(read: Predictions, table: ExampleTable, names: Sequence[str]) -> list[Example]:
    wrong = np.flatnonzero(~table.correct)
    order = wrong[np.argsort(-np.nan_to_num(table.confidence[wrong]), kind="stable")]
    examples: list[Example] = []
    for row in order[:MAX_EXAMPLES].tolist():
        is_grey = read.images.ndim == 3
        image = png(255 - read.images[row] if is_grey else read.images[row])
        label, predicted = names[read.labels[row]], names[table.predicted[row]]
        confidence = percent(float(table.confidence[row]), 1)
        examples.append(Example(image, is_grey, label, predicted, confidence, int(read.indices[row])))
        if sum(len(each.png) for each in examples) > MAX_EXAMPLE_BYTES:
            break
    return examples


def png(image: NDArray[np.uint8]) -> bytes:
    """Return an image (height, width) or (height, width, 3) as PNG."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _calibration(table: ExampleTable) -> Calibration | None:
    found = reliability(table.confidence, table.correct)
    if not found.counts.any():
        return None
    answered = coverage(table.confidence, table.correct, THRESHOLDS)
    rows = [
        (f"{threshold:g}", percent(_known(share)), percent(_known(accuracy)))
        for threshold, share, accuracy in zip(answered.thresholds, answered.answered, answered.accuracy, strict=True)
    ]
    return Calibration(
        accuracy=found.accuracy,
        confidence=found.confidence,
        counts=found.counts,
        words=f"Expected calibration error {percent(found.expected_error)}, maximum {percent(found.maximum_error)}.",
        abstaining=Table(("confidence", "answered", "accuracy"), rows, frozenset({0, 1, 2})),
    )


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _epochs(history: History) -> Table:
    """Return the table of epochs: the newest, and the best one if it is not among them."""
    best, epochs = history.best_epoch, history.epochs[-MAX_ROWS:]
    if best is not None and best not in epochs:
        epochs = [best, *epochs[1:]]
    columns: list[tuple[str, list[str]]] = [("epoch", [f"{each.epoch:,}" for each in epochs])]
    for split in ("train", "validation"):
        for metric in METRICS.values():
            values = [getattr(each, split).get(metric.key) for each in epochs]
            if metric.is_validated and any(value is not None for value in values):
                columns.append((f"{split} {metric.label.lower()}", [metric.format(value) for value in values]))
    if any(each.seconds for each in epochs):  # unknown in an imported run
        columns.append(("time", [duration(each.seconds) for each in epochs]))
    rows = list(zip(*(cells for _, cells in columns), strict=True))
    marked = frozenset(place for place, epoch in enumerate(epochs) if epoch is best)
    return Table([heading for heading, _ in columns], rows, frozenset(range(len(columns))), marked)


def _layers(history: History) -> Table:
    layers = history.started.layers if history.started else ()
    rows = [
        (each.name, each.kind, each.detail, shape(each.output_shape), f"{each.parameters:,}", f"{each.multiply_adds:,}")
        for each in layers[:MAX_ROWS]
    ]
    if len(layers) > MAX_ROWS:
        rows.append((f"and {len(layers) - MAX_ROWS:,} more", "", "", "", "", ""))
    headings = ("layer", "type", "", "output", "parameters", "multiply-adds")
    return Table(headings, rows, frozenset({3, 4, 5}))


def settings_table(history: History) -> Table:
    """Return the settings that the run was started with: name, value and help."""
    if history.record.imported_from is not None:
        return Table(("", ""), [("imported from", history.record.imported_from)])
    config = history.record.config
    values = ((setting.label, getattr(config, setting.key), setting.help) for setting in SETTINGS)
    return Table(
        ("", "", ""), [(label, sanitize(str(value)), words) for label, value, words in values if value is not None]
    )


def _environment(history: History) -> Table:
    started, record = history.started, history.record
    rows: list[tuple[str, Any]] = list(record.versions.items())
    if started is not None:
        machine = started.hardware
        rows += [("device", machine.device), ("CPU cores", machine.cpu_count)]
        rows.append(("memory", f"{machine.memory_bytes / 1e9:.1f} GB"))
        counts = (started.train_count, started.validation_count, started.test_count)
        rows.append(("images", "{:,} training, {:,} validation, {:,} test".format(*counts)))
    if record.data_checksum:
        rows.append(("data checksum", record.data_checksum))
    return Table(("", ""), [(label, sanitize(str(value))) for label, value in rows])

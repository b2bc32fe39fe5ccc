"""A run as logs that TensorBoard reads: a folder with the runs train and validation, as Keras' own callback writes.

Events are written in sequence. tensorboardX's SummaryWriter would write in another process, where a full disk
goes unnoticed.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.confusion import class_name
from mnist_tui.analysis.table import tabulate
from mnist_tui.export.source import Source
from mnist_tui.metrics import METRICS
from mnist_tui.render.matrix_picture import matrix_png
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.history import History

MAX_STEPS = 10_000
"""Points of a curve. Longer ones are written as means of neighbouring steps: TensorBoard itself shows 1,000."""
MAX_MATRICES = 20
"""Newest epochs whose confusion matrix is written as an image."""
MAX_IMAGES = 25
BINS = 64
"""Bins of a histogram."""
LAYER_FIELDS = ("weight_norm", "gradient_norm", "relative_step", "dead_share")


def logs(source: Source, path: Path) -> str:
    """Write scalars, histograms of the weights, images and texts into an empty folder."""
    history = source.history
    if not history.steps.count and not history.epochs:
        raise RunError(f"run {history.record.id} has no steps yet: wait for its first, then export it")
    with closing(_Events(path / "train", history.record.created)) as train:
        _write_steps(history, train)
        _write_layers(history, train)
        _write_weights(source, train)
        _write_texts(history, train)
    with closing(_Events(path / "validation", history.record.created)) as validation:
        _write_epochs(source, validation)
        _write_mistakes(source, validation)
    if history.rolling:
        with closing(_Events(path / "rolling", history.record.created)) as rolling:
            for event in history.rolling:
                rolling.add_scalars(event.step, event.validation, event.time)
    return "TensorBoard logs"


class _Events:
    """Writer of one event file."""

    def __init__(self, folder: Path, created: float) -> None:
        from tensorboardX.event_file_writer import EventsWriter

        folder.mkdir()
        self._writer = EventsWriter(str(folder / "events"))
        self._created = created

    def add(self, step: int, *summaries: Any, time: float | None = None) -> None:
        """Write summaries of a step; `time` is in seconds since 1970, by default when the run was created."""
        from tensorboardX.proto.event_pb2 import Event

        for summary in summaries:
            self._writer.write_event(Event(step=step, wall_time=time or self._created, summary=summary))

    def add_scalars(self, step: int, values: Mapping[str, float | None], time: float) -> None:
        """Write numbers by their tags; None is left out."""
        from tensorboardX.proto.summary_pb2 import Summary

        known = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items() if value is not None]
        if known:
            self.add(step, Summary(value=known), time=time)

    def add_png(self, step: int, tag: str, png: bytes, size: tuple[int, int], time: float | None = None) -> None:
        """Write an image of a width and height."""
        from tensorboardX.proto.summary_pb2 import Summary

        image = Summary.Image(width=size[0], height=size[1], colorspace=3, encoded_image_string=png)
        self.add(step, Summary(value=[Summary.Value(tag=tag, image=image)]), time=time)

    def close(self) -> None:
        """Write what is left, sync it to the disk and close the file."""
        self._writer.close()


def _write_steps(history: History, events: _Events) -> None:
    table = history.steps
    keys = [key for key in METRICS if key in table]
    columns = [table.pyramid(key).buckets(table.column(key), 0, table.count, MAX_STEPS) for key in keys]
    if not columns:
        return
    last = columns[0].starts + columns[0].sizes - 1
    rows = zip(table.column("step")[last].tolist(), table.column("time")[last].tolist(), strict=True)
    means = np.column_stack([column.mean for column in columns]).tolist()
    for (step, time), values in zip(rows, means, strict=True):
        events.add_scalars(int(step), dict(zip(keys, values, strict=True)), time)


def _write_layers(history: History, events: _Events) -> None:
    for stats in history.layer_stats:
        values = {f"{each.name}/{field}": getattr(each, field) for each in stats.layers for field in LAYER_FIELDS}
        events.add_scalars(stats.step, {"gradient_norm": stats.gradient_norm} | values, stats.time)


def _write_weights(source: Source, events: _Events) -> None:
    """Write a histogram of each weight of model.keras, if there is one: those of the best epoch."""
    from tensorboardX.summary import histogram

    best = source.history.best_epoch
    for name, values in model_weights(source.run.model_path):
        if best is not None and np.isfinite(values).all():
            events.add(best.step, histogram(f"weights/{name}", values, BINS), time=best.time)


def model_weights(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield name and values of each weight in a .keras file, without Keras; nothing if it cannot be read."""
    from io import BytesIO
    from zipfile import BadZipFile, ZipFile

    import h5py

    try:
        with ZipFile(path) as archive:
            data = archive.read("model.weights.h5")
    except (OSError, KeyError, BadZipFile):
        return
    found: dict[str, NDArray[Any]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and item.size:
            found[name.removeprefix("layers/").replace("/vars", "")] = np.asarray(item)

    try:
        with h5py.File(BytesIO(data), "r") as weights:
            weights.visititems(visit)
    except OSError:
        return
    yield from ((name, values) for name, values in found.items() if not name.startswith("optimizer"))


def _write_texts(history: History, events: _Events) -> None:
    from tensorboardX.summary import text

    from mnist_tui.export.report import settings_table
    from mnist_tui.render.report.markdown import table_text

    events.add(0, text("settings", table_text(settings_table(history))))
    for alert in history.alerts:
        events.add(alert.step, text("alerts", alert.text), time=alert.time)


def _write_epochs(source: Source, events: _Events) -> None:
    for epoch in source.history.epochs:
        events.add_scalars(epoch.step, epoch.validation, epoch.time)
    for epoch in [each for each in source.history.epochs if each.confusion][-MAX_MATRICES:]:
        matrix = np.array(epoch.confusion)
        png = matrix_png(matrix, source.names(len(matrix)))
        events.add_png(epoch.step, "confusion_matrix", png, png_size(png), epoch.time)


def _write_mistakes(source: Source, events: _Events) -> None:
    """Write the most confident mistakes of the best epoch as images, if its predictions are there."""
    from mnist_tui.export.report import png

    best = source.history.best_epoch
    if best is None:
        return
    try:
        read = source.inspector.predictions(source.kept_point)
    except RunError:
        return
    table = tabulate(read.indices, read.labels, read.probabilities)
    wrong = np.flatnonzero(~table.correct)
    names = source.names(read.probabilities.shape[1])
    for place, row in enumerate(wrong[np.argsort(-table.confidence[wrong], kind="stable")][:MAX_IMAGES].tolist(), 1):
        label, predicted = (class_name(int(each[row]), names) for each in (table.true, table.predicted))
        height, width = read.images.shape[1:3]
        tag = f"misclassified/{place:02d} {label} as {predicted}"
        events.add_png(best.step, tag, png(read.images[row]), (width, height), best.time)


def png_size(png: bytes) -> tuple[int, int]:
    """Return width and height of a PNG, which its header holds."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")

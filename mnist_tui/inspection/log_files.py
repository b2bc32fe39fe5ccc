"""Readers of training logs of other programs: files of Keras' CSVLogger, and folders of TensorBoard logs."""

import csv
import io
import math
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mnist_tui.config import ConfigError
from mnist_tui.events import Metrics
from mnist_tui.metrics import METRICS
from mnist_tui.untrusted import opened, read_bytes, sanitize

MAX_CSV_BYTES = 64 << 20
MAX_RECORD = 256 << 20
"""Bytes of the largest event that is read."""
MAX_CHECKED = 64 << 10
"""Bytes of the largest event whose checksum is checked: larger ones are images and the like, which are skipped."""
MAX_EPOCHS = 10_000
MAX_LISTED = 5
"""Names that a message lists at most."""
ALIASES = {
    "acc": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "lr": "learning_rate",
}
"""Other names of metrics in METRICS."""
VALIDATION_WORDS = frozenset({"val", "valid", "validation", "eval", "evaluation"})


class Point(NamedTuple):
    """A value of a curve; `time` is in seconds since 1970."""

    step: int
    time: float
    value: float | None


@dataclass
class LoggedEpoch:
    """An epoch of a log."""

    step: int
    seconds: float
    """Seconds since the begin of the log."""
    train: Metrics = field(default_factory=dict)
    validation: Metrics = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingLog:
    """Values of the metrics in METRICS that a log holds."""

    steps: Sequence[tuple[int, float, Metrics]]
    """Step, seconds since the begin of the log and metrics, in order."""
    epochs: Sequence[LoggedEpoch]
    left_out: Sequence[str]
    """Columns or tags of other metrics."""


def read_log(path: Path) -> TrainingLog:
    """Read a CSV file, or a folder of event files; raises ConfigError in one line."""
    try:
        log = _read_events(path) if path.is_dir() else _read_csv(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror or error}): give a file or a folder") from None
    if len(log.epochs) > MAX_EPOCHS:
        raise ConfigError(f"{path} has {len(log.epochs):,} epochs: at most {MAX_EPOCHS:,} can be imported")
    return log


def _read_csv(path: Path) -> TrainingLog:
    try:
        text = read_bytes(path, MAX_CSV_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(
            f"{path} is not text: give a CSV file of CSVLogger, or a folder of TensorBoard logs"
        ) from None
    heading = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=None), delimiter=max(",;\t", key=heading.count))
    try:
        names = [name.strip() for name in next(rows, [])]
        keys = [_csv_key(name) for name in names]
        if "epoch" not in names or not any(keys):
            wanted = "CSVLogger writes a heading such as epoch,accuracy,loss,val_accuracy,val_loss"
            raise ConfigError(f"{path}: line 1 names no epoch or no known metric: {wanted}")
        place = names.index("epoch")
        epochs = [_csv_epoch(number, keys, place, row) for number, row in enumerate(filter(None, rows), start=1)]
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"{path}: line {rows.line_num} {error}: restore the file") from None
    if not epochs:
        raise ConfigError(f"{path} has no line after its heading: train for an epoch first")
    steps = [(epoch.step, 0.0, epoch.train) for epoch in epochs if epoch.train]
    others = [sanitize(name) for name, key in zip(names, keys, strict=True) if key is None and name != "epoch"]
    return TrainingLog(steps, epochs, others)


def _csv_epoch(number: int, keys: Sequence[tuple[str, str] | None], place: int, row: Sequence[str]) -> LoggedEpoch:
    """Return the epoch on a line, whose own number in column `place` may begin again; raises ValueError."""
    if len(row) != len(keys):
        raise ValueError(f"has {len(row)} fields, the heading has {len(keys)}")
    if not row[place].strip().isdecimal():
        raise ValueError(f"has {sanitize(row[place][:20])!r} as epoch, which is no whole number")
    epoch = LoggedEpoch(number, 0.0)
    for key, cell in zip(keys, row, strict=True):
        if key is not None:
            getattr(epoch, key[0])[key[1]] = _number(cell, key[1])
    return epoch


def _csv_key(name: str) -> tuple[str, str] | None:
    """Return the split and the key in METRICS that a column stands for, None if it is of another kind."""
    for prefix, split in (("val_", "validation"), ("validation_", "validation"), ("train_", "train"), ("", "train")):
        if name.startswith(prefix):
            key = _known(name.removeprefix(prefix))
            if key is not None:
                return split, key
    return None


def _known(name: str) -> str | None:
    key = ALIASES.get(name, name)
    return key if key in METRICS and METRICS[key].source == "steps" else None


def _number(cell: str, name: str) -> float | None:
    if cell.strip() in ("", "NA"):
        return None
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"has {sanitize(cell[:20])!r} as {name}, which is no number") from None
    return value if math.isfinite(value) else None


def _read_events(path: Path) -> TrainingLog:
    files = sorted(each for each in path.rglob("*tfevents*") if each.is_file())
    if not files:
        raise ConfigError(f"{path} has no file named *tfevents*: give the log folder of a TensorBoard callback")
    steps: dict[str, list[Point]] = {}
    validated: dict[str, list[Point]] = {}
    per_epoch: dict[tuple[str, str], list[Point]] = {}
    left_out: dict[str, None] = {}
    for file in files:
        folder = file.parent.relative_to(path).parts
        for tag, point in _scalars(file):
            words = [word for part in (*folder, *tag.split("/")) for word in (part.lower(), *part.lower().split("_"))]
            split = "validation" if VALIDATION_WORDS & set(words) else "train"
            name = re.sub(r"^(epoch|batch|evaluation|val|train)_|_vs_iterations$", "", tag.split("/")[0].lower())
            key = _known(name) or next(filter(None, map(_known, tag.lower().split("/"))), None)
            if key is None:
                left_out[sanitize(tag)] = None
            elif tag.startswith("epoch_"):
                per_epoch.setdefault((split, key), []).append(point)
            else:
                (validated if split == "validation" else steps).setdefault(key, []).append(point)
    if not (steps or validated or per_epoch):
        others = ", ".join(list(left_out)[:MAX_LISTED]) or "none"
        raise ConfigError(f"{path} has no scalars of {', '.join(ALIASES.values())} or loss: its scalars are {others}")
    every = [point.time for curves in (steps, validated, per_epoch) for curve in curves.values() for point in curve]
    begin = min(every)
    return TrainingLog(_steps(steps, begin), _epochs(per_epoch, validated, begin), list(left_out))


def _steps(curves: dict[str, list[Point]], begin: float) -> list[tuple[int, float, Metrics]]:
    found: dict[int, tuple[float, Metrics]] = {}
    for key, points in curves.items():
        for point in points:
            found.setdefault(point.step, (point.time - begin, {}))[1][key] = point.value
    return [(step, *found[step]) for step in sorted(found)]


def _epochs(
    per_epoch: dict[tuple[str, str], list[Point]], validated: dict[str, list[Point]], begin: float
) -> list[LoggedEpoch]:
    """Return the epochs: those that Keras counts from 0, else one for each step with a validation."""
    found: dict[int, LoggedEpoch] = {}
    ends = sorted({point.step for points in validated.values() for point in points})
    for (split, key), points in per_epoch.items():
        for point in points:
            is_known = point.step < len(ends)
            end = ends[point.step] if is_known else point.step + 1
            epoch = found.setdefault(point.step, LoggedEpoch(end, point.time - begin))
            getattr(epoch, split)[key] = point.value
    for key, points in validated.items() if not per_epoch else ():
        for point in points:
            epoch = found.setdefault(point.step, LoggedEpoch(point.step, point.time - begin))
            epoch.validation[key] = point.value
    return [found[place] for place in sorted(found)]


def _scalars(file: Path) -> Iterator[tuple[str, Point]]:
    """Yield tag and value of each scalar in an event file; raises ConfigError if it is damaged."""
    from google.protobuf.message import DecodeError
    from tensorboardX.proto.event_pb2 import Event

    with opened(file) as opened_file:
        for data in _records(opened_file, file):
            try:
                event = Event.FromString(data)
            except DecodeError:
                raise ConfigError(f"{file} is damaged at byte {opened_file.tell():,}: restore it") from None
            for value in event.summary.value:
                number = _scalar(value)
                if number is not None and 0 <= event.step < 10**15 and math.isfinite(event.wall_time):
                    known = number if math.isfinite(number) else None
                    yield value.tag, Point(int(event.step), event.wall_time, known)


def _scalar(value: Any) -> float | None:
    """Return the number of a summary, which newer programs write as a tensor; None if it is something else."""
    if value.WhichOneof("value") == "simple_value":
        return float(value.simple_value)
    if value.WhichOneof("value") != "tensor" or value.tensor.tensor_shape.dim:
        return None
    tensor = value.tensor
    for numbers in (tensor.float_val, tensor.double_val):
        if len(numbers) == 1:
            return float(numbers[0])
    form = {4: "<f", 8: "<d"}.get(len(tensor.tensor_content)) if tensor.dtype in (1, 2) else None
    return float(struct.unpack(form, tensor.tensor_content)[0]) if form else None


def _records(opened_file: BinaryIO, file: Path) -> Iterator[bytes]:
    """Yield the records of a file up to one that is cut off, as that of a program that still writes is.

    A record is its length (uint64), the checksum of that, the data, and their checksum.
    """
    from tensorboardX.record_writer import masked_crc32c

    while len(head := opened_file.read(12)) == 12:
        length, checksum = struct.unpack("<QI", head)
        if masked_crc32c(head[:8]) != checksum or length > MAX_RECORD:
            raise ConfigError(f"{file} is damaged at byte {opened_file.tell() - 12:,}: restore it")
        data, foot = opened_file.read(length), opened_file.read(4)
        if len(foot) < 4:
            return
        if length <= MAX_CHECKED:
            if masked_crc32c(data) != struct.unpack("<I", foot)[0]:
                raise ConfigError(f"{file} is damaged at byte {opened_file.tell() - 4 - length:,}: restore it")
            yield data

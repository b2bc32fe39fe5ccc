"""Digits that somebody picked out, written down for other programs: a CSV table and the pictures beside it."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.confusion import named
from mnist_tui.inspection.inspector import Findings
from mnist_tui.runs.directory import RunDirectory, RunError, replacing

COLUMNS = ("index", "split", "label", "predicted", "confidence", "margin", "loss", "epoch")


@dataclass(frozen=True)
class Exported:
    """The two files of one export."""

    table: Path
    """CSV, COLUMNS."""
    pictures: Path
    """npz: images (n, 28, 28), labels, predicted, indices, in the order of the table."""


def export_digits(
    run: RunDirectory, findings: Findings, rows: NDArray[np.integer[Any]], names: Sequence[str] = ()
) -> Exported:
    """Write some rows of a moment's digits below the run's `exports`, as the next free number; raises RunError."""
    folder = run.path / "exports"
    read, table = findings.predictions, findings.table
    try:
        folder.mkdir(exist_ok=True)
        number = 1 + max((_number(path) for path in folder.glob("digits-*.*")), default=0)
        written = Exported(folder / f"digits-{number:03d}.csv", folder / f"digits-{number:03d}.npz")
        run.save_arrays(
            written.pictures,
            images=read.images[rows],
            labels=read.labels[rows],
            predicted=table.predicted[rows],
            indices=read.indices[rows],
        )
        with replacing(written.table) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(COLUMNS)
            for row in rows.tolist():
                lines.writerow(
                    (
                        int(read.indices[row]),
                        read.point.split,
                        named(int(read.labels[row]), names),
                        named(int(table.predicted[row]), names),
                        f"{float(table.confidence[row]):.6g}",
                        f"{float(table.margin[row]):.6g}",
                        f"{float(table.loss[row]):.6g}",
                        "" if read.epoch is None else read.epoch,
                    )
                )
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror}): make room and export again") from None
    return written


def _number(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0

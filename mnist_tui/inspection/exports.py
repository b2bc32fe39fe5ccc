"""Export of selected examples: a CSV table, and an npz file with their images."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.confusion import class_name
from mnist_tui.inspection.inspector import Findings
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.replacing import replacing

COLUMNS = ("index", "split", "label", "predicted", "confidence", "margin", "loss", "epoch")


@dataclass(frozen=True)
class Exported:
    """The two files of one export."""

    table: Path
    """CSV with COLUMNS."""
    images: Path
    """npz with images, labels, predicted and indices, in the order of the table."""


def export_digits(
    run: RunDirectory, findings: Findings, rows: NDArray[np.integer[Any]], names: Sequence[str] = ()
) -> Exported:
    """Write some examples of an evaluation to the next free number in the run's `exports`; raises RunError."""
    folder = run.path / "exports"
    predictions, table = findings.predictions, findings.table
    try:
        folder.mkdir(exist_ok=True)
        number = 1 + max((_number(path) for path in folder.glob("digits-*.*")), default=0)
        written = Exported(folder / f"digits-{number:03d}.csv", folder / f"digits-{number:03d}.npz")
        run.save_arrays(
            written.images,
            images=predictions.images[rows],
            labels=predictions.labels[rows],
            predicted=table.predicted[rows],
            indices=predictions.indices[rows],
        )
        with replacing(written.table) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in rows.tolist():
                writer.writerow(
                    (
                        int(predictions.indices[row]),
                        predictions.point.split,
                        class_name(int(predictions.labels[row]), names),
                        class_name(int(table.predicted[row]), names),
                        f"{float(table.confidence[row]):.6g}",
                        f"{float(table.margin[row]):.6g}",
                        f"{float(table.loss[row]):.6g}",
                        "" if predictions.epoch is None else predictions.epoch,
                    )
                )
    except OSError as error:
        raise RunError(
            f"{folder} cannot be written ({error.strerror}): check folder and disk, and export again"
        ) from None
    return written


def _number(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0

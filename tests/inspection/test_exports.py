"""Exports of selected examples."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mnist_tui.inspection.exports import export_digits
from mnist_tui.inspection.predictions import TEST, VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.session import RunSession
from tests.kit.recorded import make_recorded_run


@pytest.fixture
def session(tmp_path: Path) -> RunSession:
    session = RunSession(make_recorded_run(tmp_path, epochs=1, n=50))
    session.poll()
    return session


def test_rows_are_written_in_order_as_a_table_and_as_images(session: RunSession) -> None:
    findings, rows = session.findings(EvaluationPoint(VALIDATION, 1)), np.array([7, 3])
    written = export_digits(session.run, findings, rows, [f"class {each}" for each in range(10)])
    assert written.table == session.run.path / "exports" / "digits-001.csv"
    with written.table.open(newline="") as file:
        lines = list(csv.DictReader(file))
    read, table = findings.predictions, findings.table
    for row, line in zip(rows, lines, strict=True):
        assert int(line["index"]) == read.indices[row]
        assert (line["split"], line["epoch"]) == ("validation", "1")
        assert line["label"] == f"class {read.labels[row]}"
        assert line["predicted"] == f"class {table.predicted[row]}"
        for column in ("confidence", "margin", "loss"):
            assert float(line[column]) == pytest.approx(float(getattr(table, column)[row]), rel=1e-5)
    with np.load(written.images) as images:
        assert np.array_equal(images["images"], read.images[rows])
        assert np.array_equal(images["labels"], read.labels[rows])


def test_test_examples_have_no_epoch(session: RunSession) -> None:
    written = export_digits(session.run, session.findings(EvaluationPoint(TEST)), np.array([0]))
    assert written.table.read_text().splitlines()[1].endswith(",")
    assert ",test," in written.table.read_text()


def test_an_export_never_overwrites_another(session: RunSession) -> None:
    findings = session.findings(EvaluationPoint(VALIDATION, 1))
    names = [export_digits(session.run, findings, np.array([1])).table.name for _ in range(3)]
    assert names == ["digits-001.csv", "digits-002.csv", "digits-003.csv"]


def test_a_folder_that_cannot_be_created_is_an_error(session: RunSession) -> None:
    (session.run.path / "exports").touch()
    with pytest.raises(RunError, match=r"exports cannot be written .*: check folder"):
        export_digits(session.run, session.findings(EvaluationPoint(VALIDATION, 1)), np.array([1]))

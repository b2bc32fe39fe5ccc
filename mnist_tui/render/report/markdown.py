"""The report as Markdown: its figures and tables."""

import re
from collections.abc import Iterator

from mnist_tui.render.report.content import Evaluation, Report, Table

MAX_CLASSES = 24
"""Classes up to which the confusion matrix is a table."""


def markdown(report: Report) -> str:
    """Return the report as Markdown in the form of GitHub; texts are escaped."""
    return "\n\n".join(_sections(report)) + "\n"


def _sections(report: Report) -> Iterator[str]:
    yield f"# {_text(report.name)}"
    yield _text(report.subtitle)
    yield table_text(
        Table(("", "", ""), [(each.label, each.value, each.note) for each in report.figures], frozenset({1}))
    )
    if report.alerts:
        yield "## Alerts"
        yield "\n".join(f"- {_text(alert)}" for alert in report.alerts)
    if report.evaluation is not None:
        yield from _evaluation(report.evaluation)
    for heading, table in report.tables:
        if table.rows:
            yield f"## {heading}"
            yield table_text(table)
    yield _text(report.written)


def _evaluation(found: Evaluation) -> Iterator[str]:
    if len(found.names) <= MAX_CLASSES:
        yield f"## Confusion matrix, {found.words}"
        rows = [(name, *map(str, row)) for name, row in zip(found.names, found.matrix.tolist(), strict=True)]
        yield table_text(Table(("true \\ predicted", *found.names), rows, frozenset(range(1, len(found.names) + 1))))
    yield f"## Worst confusions, {found.words}"
    yield table_text(found.confusions) if found.confusions.rows else "No image is misclassified."
    yield f"## Scores, {found.words}"
    yield table_text(found.scores)
    if found.calibration is not None:
        yield f"## Calibration, {found.words}"
        yield _text(found.calibration.words)
        yield table_text(found.calibration.abstaining)


def table_text(table: Table) -> str:
    """Return a table as Markdown."""
    marks = ["---:" if place in table.numbers else "---" for place in range(len(table.headings))]
    lines = [table.headings, marks, *table.rows]
    return "\n".join(f"| {' | '.join(_text(cell) if line is not marks else cell for cell in line)} |" for line in lines)


def _text(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)

"""The report as one HTML page without scripts and without requests to the network."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from string import Template

from mnist_tui.render.matrix_picture import matrix_css, matrix_svg
from mnist_tui.render.report.content import Evaluation, Example, Report, Table
from mnist_tui.render.report.curves import curve_chart, reliability_diagram

MAX_BESIDE = 12
"""Classes up to which the matrix has room beside a table."""
KEY = (
    '<span><i style="background:var(--train)"></i>training: mean and range</span>'
    '<span><i style="background:var(--val)"></i>validation, after each epoch</span>'
    '<span><i class="ring"></i>best epoch</span>'
)
NOT_FINITE = '<span><b class="prediction">▾</b> not finite</span>'


def page(report: Report, template: str, css: str) -> str:
    """Return the page. `template` has $title, $subtitle, $css, $body and $written; all texts are escaped."""
    return Template(template).substitute(
        title=escape(report.name),
        subtitle=escape(report.subtitle),
        css=css + matrix_css(),
        body="\n".join(_sections(report)),
        written=escape(report.written),
    )


def _sections(report: Report) -> Iterator[str]:
    tiles = "".join(
        f'<div class="card tile"><span>{escape(each.label)}</span><b>{escape(each.value)}</b>'
        f"<span>{escape(each.note)}</span></div>"
        for each in report.figures
    )
    yield f'<div class="tiles">{tiles}</div>'
    if report.alerts:
        items = "".join(f"<li>{escape(alert)}</li>" for alert in report.alerts)
        yield f'<h2>Alerts</h2><div class="card alerts"><ul>{items}</ul></div>'
    if report.charts:
        cards = "".join(
            f'<div class="card"><h3>{escape(each.title)}</h3>{curve_chart(each)}</div>' for each in report.charts
        )
        key = KEY + (NOT_FINITE if any(each.broken.any() for each in report.charts) else "")
        yield (
            f'<h2>Curves<span class="quiet">by step</span></h2><p class="key">{key}</p>'
            f'<div class="grid-2">{cards}</div>'
        )
    if report.evaluation is not None:
        yield from _evaluation(report.evaluation)
    for heading, table in report.tables:
        if table.rows:
            yield f"<h2>{escape(heading)}</h2>{_card(_table(table))}"


def _evaluation(found: Evaluation) -> Iterator[str]:
    words = f'<span class="quiet">{escape(found.words)}</span>'
    matrix = _card(matrix_svg(found.matrix, found.names, is_page=True))
    confusions = _table(found.confusions) if found.confusions.rows else "<p>No image is misclassified.</p>"
    scores, calibration = _table(found.scores), ""
    if found.calibration is not None:
        calibration = (
            f"{reliability_diagram(found.calibration)}<p>{escape(found.calibration.words)}</p>"
            '<p class="key"><span><i style="background:var(--right)"></i>accuracy above confidence</span>'
            '<span><i style="background:var(--wrong)"></i>below it: overconfident</span></p>'
        )
        scores += f"<h3>If the model abstains below a confidence</h3>{_table(found.calibration.abstaining)}"
    cards = [matrix, _titled("Worst confusions", confusions), _titled("Scores of the classes", scores)]
    if calibration:
        cards.append(_titled("Calibration: accuracy by confidence, %", calibration))
    yield f"<h2>Confusion matrix{words}</h2>"
    if len(found.names) > MAX_BESIDE:
        yield f"{cards.pop(0)}<br>"
        cards.append(cards.pop(1))  # a long table is the last one
    yield f'<div class="grid-2">{"".join(cards)}</div>'
    if found.examples:
        count = f"{len(found.examples):,} of {found.mistakes:,}, the most confident first"
        figures = "".join(map(_example, found.examples))
        key = '<span class="label">label</span><span class="prediction">prediction and its confidence</span>'
        yield (
            f'<h2>Worst mistakes<span class="quiet">{escape(count)}</span></h2>'
            f'<div class="card"><p class="key">{key}</p><div class="images">{figures}</div></div>'
        )


def _example(each: Example) -> str:
    words = f"{escape(each.label)} predicted as {escape(each.predicted)}"
    kind = ' class="grey"' if each.is_grey else ""
    return (
        f'<figure><img{kind} alt="{words}" title="index {each.index:,}" src="data:image/png;base64,'
        f'{b64encode(each.png).decode()}"><span class="label">{escape(each.label)}</span> → <span class="prediction">'
        f'{escape(each.predicted)}</span><br><span class="quiet">{escape(each.confidence)}</span></figure>'
    )


def _titled(title: str, content: str) -> str:
    return _card(f"<h3>{escape(title)}</h3>{content}")


def _card(content: str) -> str:
    return f'<div class="card scroll">{content}</div>'


def _table(table: Table) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        kinds = [' class="n"' if place in table.numbers else "" for place in range(len(row))]
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True))

    lines = [f"<tr>{cells(table.headings, 'th')}</tr>"] if any(table.headings) else []
    for place, row in enumerate(table.rows):
        mark = ' class="marked"' if place in table.marked else ""
        lines.append(f"<tr{mark}>{cells(row, 'td')}</tr>")
    return f"<table>{''.join(lines)}</table>"

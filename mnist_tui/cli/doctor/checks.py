"""The table of checks, and their findings as text."""

from collections.abc import Callable, Iterable, Iterator

from rich.table import Table
from rich.text import Text

from mnist_tui.cli.doctor.findings import Finding, Level
from mnist_tui.cli.doctor.gpus import gpu_findings
from mnist_tui.cli.doctor.machine import machine_findings
from mnist_tui.cli.doctor.packages import package_findings
from mnist_tui.cli.doctor.storage import storage_findings
from mnist_tui.cli.doctor.terminal import terminal_findings

CHECKS: dict[str, Callable[[], Iterable[Finding]]] = {
    "Terminal": terminal_findings,
    "Python and Keras": package_findings,
    "GPUs": gpu_findings,
    "Files": storage_findings,
    "Machine": machine_findings,
}
"""Heading -> checks. Each check yields findings; one that fails is a finding itself."""
NAME_WIDTH = 22
"""Columns of the names, so that the groups are aligned."""
SIGNS = {Level.OK: ("✓", "green"), Level.NOTE: ("!", "yellow"), Level.PROBLEM: ("✗", "bold red")}


def findings(group: str) -> Iterator[Finding]:
    """Yield the findings of a group, also if one of its checks fails."""
    try:
        yield from CHECKS[group]()
    except Exception as error:  # the doctor has to survive every machine
        yield Finding("check", f"failed ({type(error).__name__}: {error})", Level.NOTE, "Please report this.")


def table(findings: Iterable[Finding]) -> Table:
    rows = Table(box=None, show_header=False, pad_edge=True)
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True, style="dim", min_width=NAME_WIDTH)
    rows.add_column(overflow="fold")
    for finding in findings:
        sign, style = SIGNS[finding.level]
        value = Text(finding.value)
        if finding.fix:
            value.append(f"\n{finding.fix}", style="" if finding.level is Level.OK else style)
        rows.add_row(Text(sign, style=style), finding.name, value)
    return rows

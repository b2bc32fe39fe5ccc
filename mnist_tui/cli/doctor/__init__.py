"""`mnist-tui doctor`: what this machine and this terminal can do, and how to fix what does not work."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from mnist_tui.cli.doctor.findings import Finding, Level
from mnist_tui.cli.doctor.gpus import gpu_findings
from mnist_tui.cli.doctor.machine import machine_findings
from mnist_tui.cli.doctor.packages import package_findings
from mnist_tui.cli.doctor.storage import storage_findings
from mnist_tui.cli.doctor.terminal import terminal_findings

if TYPE_CHECKING:
    from rich.table import Table

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


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(as_json: bool) -> int:
    """Check the terminal, Python, Keras, GPUs, files and the machine.

    Takes about 10 seconds. The exit status is 1 if something will not work. Add the output to a bug report.
    """
    from rich.text import Text

    from mnist_tui.cli import listing

    found: dict[str, list[Finding]] = {}
    for group in CHECKS:
        found[group] = list(findings(group))
        if not as_json:
            listing.console().print(Text(group, style="bold"), _table(found[group]), sep="\n")
    if as_json:
        listing.print_json(found)
    return int(any(finding.level is Level.PROBLEM for each in found.values() for finding in each))


def findings(group: str) -> Iterator[Finding]:
    """Yield the findings of a group, also if one of its checks fails."""
    try:
        yield from CHECKS[group]()
    except Exception as error:  # the doctor has to survive every machine
        yield Finding("check", f"failed ({type(error).__name__}: {error})", Level.NOTE, "Please report this.")


def _table(findings: Iterable[Finding]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim", min_width=NAME_WIDTH)
    table.add_column(overflow="fold")
    for finding in findings:
        sign, style = SIGNS[finding.level]
        value = Text(finding.value)
        if finding.fix:
            value.append(f"\n{finding.fix}", style="" if finding.level is Level.OK else style)
        table.add_row(Text(sign, style=style), finding.name, value)
    return table

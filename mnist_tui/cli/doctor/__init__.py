"""`mnist-tui doctor`: what this machine and this terminal can do, and how to fix what does not work."""

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(as_json: bool) -> int:
    """Check the terminal, Python, Keras, GPUs, files and the machine.

    Takes about 10 seconds. The exit status is 1 if something will not work. Add the output to a bug report.
    """
    from mnist_tui.cli import listing
    from mnist_tui.cli.doctor.checks import CHECKS, findings, table
    from mnist_tui.cli.doctor.findings import Finding, Level

    found: dict[str, list[Finding]] = {}
    for group in CHECKS:
        found[group] = list(findings(group))
        if not as_json:
            listing.console().print(f"[bold]{group}[/]", table(found[group]), sep="\n")
    if as_json:
        listing.print_json(found)
    return int(any(finding.level is Level.PROBLEM for each in found.values() for finding in each))

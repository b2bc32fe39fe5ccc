"""The commands about single digits: evaluate another set, and the labels in dispute."""

import sys
from pathlib import Path

import click

from mnist_tui.cli.steer import RUN_HELP
from mnist_tui.cli.wiring import check_data
from mnist_tui.control import client
from mnist_tui.runs.directory import RunDirectory, find_run

SHOWN_DISPUTES = 20


@click.command(help=f"Read another data set's digits with a run's network. Its test part. {RUN_HELP}")
@click.argument("run")
@click.option("--data", "spec", required=True, metavar="SPEC", help="mnist, or an .npz laid out like Keras' mnist.npz")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def evaluate(run: str, spec: str, as_json: bool) -> int:
    """Evaluate; the answers stay with the run, to be looked at like its own."""
    from mnist_tui.cli import listing, listing_inspection

    found, data = find_run(run), check_data(spec)
    name = do_job(found, "evaluate", data)
    document = listing_inspection.figures_document(found, name)
    if as_json:
        listing.print_json(document)
    else:
        listing_inspection.print_figures(document)
    return 0


@click.command("disputes", help=f"Labels that are probably wrong. The surest first, with what was judged. {RUN_HELP}")
@click.argument("run")
@click.option("--cross-check", is_flag=True, help="Check all training digits too: trains three small networks.")
@click.option("-o", "csv_path", type=click.Path(path_type=Path), help="Write the verdicts as CSV to this file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def label_issues(run: str, cross_check: bool, csv_path: Path | None, as_json: bool) -> int:
    """Rank the labels."""
    from mnist_tui.cli import listing, listing_inspection

    found = find_run(run)
    if cross_check:
        do_job(found, "cross-check")
    document = listing_inspection.label_issues_document(found)
    if csv_path is not None:
        count = listing_inspection.write_reviews(found, csv_path)
        click.echo(f"{count:,} verdicts written to {csv_path}", err=True)
    if as_json:
        listing.print_json(document)
    else:
        listing_inspection.print_label_issues(document, SHOWN_DISPUTES)
    return 0


EVIDENCE: list[click.Command] = [evaluate, label_issues]
"""Every command of this file, to be added to the program's."""


def do_job(run: RunDirectory, name: str, argument: str = "") -> str:
    """Do a job, telling on stderr how far it is; returns the name of what it wrote. Raises RunError."""
    written = ""
    for report in client.do_job(run, name, argument):
        written = report.name or written
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{report.share:>4.0%}  {report.words}", err=True, nl=False)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    return written

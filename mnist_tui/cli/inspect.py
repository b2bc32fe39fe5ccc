"""The commands that inspect predictions: evaluate another data set, list label issues."""

import sys

import click

from mnist_tui.cli.output import check_output, is_stdout, write_output
from mnist_tui.cli.steer import RUN_HELP
from mnist_tui.cli.wiring import UsageError, check_evaluated
from mnist_tui.control import client
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, RunError, find_run

MAX_ISSUES_SHOWN = 20


@click.command(help=f"Evaluate a run's model on another data set. Its test split or all its images. {RUN_HELP}")
@click.argument("run")
@click.option("--data", "spec", required=True, metavar="SPEC", help="mnist, or an .npz with x_test, y_test or x, y.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def evaluate(run: str, spec: str, as_json: bool) -> int:
    from mnist_tui.cli import listing, listing_inspection
    from mnist_tui.runs.notes import SEEN
    from mnist_tui.runs.summary import history_without_steps

    found, data = find_run(run), check_evaluated(spec)
    history = history_without_steps(found)
    if data == history.record.config.data:
        if not history.tests:
            raise RunError(
                f"{spec} is the data of run {found.id}, whose test images are evaluated once, at its end: give other"
                " data, or let the run end"
            )
        click.echo(f"mnist-tui: these are the test images of run {found.id}, which are {SEEN}", err=True)
    name = _do_job(found, "evaluate", data)
    document = listing_inspection.figures_document(found, name)
    if as_json:
        listing.print_json(document)
    else:
        listing_inspection.print_figures(document)
    return 0


@click.command("label-issues", help=f"List labels that are probably wrong. The most certain come first. {RUN_HELP}")
@click.argument("run")
@click.option("--cross-check", is_flag=True, help="Also check all training digits: trains three small models.")
@click.option("-o", "csv_path", metavar="PATH", help="Write the label reviews to this CSV file, - for stdout.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def label_issues(run: str, cross_check: bool, csv_path: str | None, as_json: bool) -> int:
    from mnist_tui.cli import listing, listing_inspection

    found = find_run(run)
    if csv_path is not None:
        if as_json and is_stdout(csv_path):
            raise UsageError(f"-o {csv_path} and --json both print to stdout: give -o a file")
        check_output(csv_path)
    if cross_check:
        _do_job(found, "cross-check")
    document = listing_inspection.label_issues_document(found)
    if csv_path is not None:
        text, count = listing_inspection.reviews_csv(found)
        write_output(csv_path, text)
        if is_stdout(csv_path):
            return 0
        click.echo(f"{count:,} label reviews written to {sanitize(csv_path)}", err=True)
    if as_json:
        listing.print_json(document)
    else:
        listing_inspection.print_label_issues(document, MAX_ISSUES_SHOWN)
    return 0


def _do_job(run: RunDirectory, name: str, argument: str = "") -> str:
    """Run a job with its progress on stderr, and return the name of the predictions; raises RunError."""
    written = ""
    for report in client.do_job(run, name, argument):
        written = report.name or written
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{report.progress:>4.0%}  {report.message}", err=True, nl=False)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    return written

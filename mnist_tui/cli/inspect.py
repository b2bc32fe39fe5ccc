"""The commands that use a run's model or predictions: evaluate a data set, submit predictions, list label issues."""

import click

from mnist_tui.cli.output import check_output, is_stdout, show_progress, write_output
from mnist_tui.cli.steer import RUN_HELP
from mnist_tui.cli.wiring import UsageError, check_data, check_evaluated
from mnist_tui.control import client
from mnist_tui.control.jobs import JobReport
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, RunError, find_run

MAX_ISSUES_SHOWN = 20


@click.command(help=f"Evaluate a run's model on another data set. Its test split or all its images. {RUN_HELP}")
@click.argument("run")
@click.option(
    "--data",
    "spec",
    required=True,
    metavar="SPEC",
    help="mnist, an .npz, CSV or Parquet file, or a folder of IDX files or images.",
)
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
    name = _do_job(found, "evaluate", data).name
    document = listing_inspection.figures_document(found, name)
    if as_json:
        listing.print_json(document)
    else:
        listing_inspection.print_figures(document)
    return 0


@click.command(help=f"Predict images as a Kaggle submission. FILE is like test.csv of the Digit Recognizer. {RUN_HELP}")
@click.argument("run")
@click.argument("images", metavar="FILE")
@click.option("-o", "path", metavar="PATH", default="-", help="Write the CSV to this file instead of stdout.")
def submit(run: str, images: str, path: str) -> int:
    found = find_run(run)
    check_output(path)
    classes = _do_job(found, "predict", check_data(images)).classes
    rows = "".join(f"{number},{predicted}\n" for number, predicted in enumerate(classes, 1))
    write_output(path, f"ImageId,Label\n{rows}")
    if not is_stdout(path):
        click.echo(f"{len(classes):,} predictions written to {sanitize(path)}", err=True)
    return 0


@click.command("label-issues", help=f"List labels that are probably wrong. The most certain come first. {RUN_HELP}")
@click.argument("run")
@click.option("--cross-check", is_flag=True, help="Also check all training images: trains three small models.")
@click.option("-o", "csv_path", metavar="PATH", help="Write the label reviews to this CSV file, - for stdout.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def label_issues(run: str, cross_check: bool, csv_path: str | None, as_json: bool) -> int:
    from mnist_tui.cli import listing, listing_inspection
    from mnist_tui.inspection import label_tables

    found = find_run(run)
    if csv_path is not None:
        if as_json and is_stdout(csv_path):
            raise UsageError(f"-o {csv_path} and --json both print to stdout: give -o a file")
        check_output(csv_path)
    if cross_check:
        _do_job(found, "cross-check")
    document = label_tables.label_issues_document(found)
    if csv_path is not None:
        text, count = label_tables.reviews_csv(found)
        write_output(csv_path, text)
        if is_stdout(csv_path):
            return 0
        click.echo(f"{count:,} label reviews written to {sanitize(csv_path)}", err=True)
    if as_json:
        listing.print_json(document)
    else:
        listing_inspection.print_label_issues(document, MAX_ISSUES_SHOWN)
    return 0


def _do_job(run: RunDirectory, name: str, argument: str = "") -> JobReport:
    """Run a job with its progress on stderr, and return its last report; raises RunError."""
    report = JobReport("", 0.0)
    for report in client.do_job(run, name, argument):
        show_progress(report.message, report.progress)
    show_progress("")
    return report

"""`mnist-tui export` and `import`: runs for other programs, and from them."""

from typing import TYPE_CHECKING

import click

from mnist_tui.cli.output import is_stdout, output_file, output_folder, show_progress
from mnist_tui.cli.steer import RUN_HELP
from mnist_tui.cli.wiring import UsageError, load_data
from mnist_tui.export.formats import FORMATS, Format, check_packages, format_named, format_of
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import find_run
from mnist_tui.settings import user_path

if TYPE_CHECKING:
    from mnist_tui.export.source import Source


def _help() -> str:
    width = max(len(each.name) for each in FORMATS)
    rows = [
        f"{each.name:<{width}}  {each.description}{f' (pip install mnist-tui[{each.extra}])' if each.extra else ''}"
        for each in FORMATS
    ]
    listed = "\n".join(rows)
    return (
        "Export a run for other programs. The name of PATH may tell the format. Without -o, write to the run's folder"
        f" exports. {RUN_HELP}\n\n\b\nFormats:\n{listed}"
    )


@click.command(help=_help())
@click.argument("run")
@click.option("--format", "name", metavar="FORMAT", help="One of the formats below.")
@click.option("-o", "path", metavar="PATH", help="Write to this file or folder; - for stdout.")
def export(run: str, name: str | None, path: str | None) -> int:
    from mnist_tui.export.into_run import export_into_run
    from mnist_tui.export.source import Source

    if name is None and path is None:
        raise UsageError("export needs --format or -o PATH: see `mnist-tui export --help`")
    chosen = format_named(name) if name is not None else format_of(user_path(str(path), "-o"))
    found = find_run(run)
    chosen.check()
    source = Source(found, load_data, show_progress)
    if path is None:
        written, what = export_into_run(chosen, source)
        target = str(written)
    else:
        target, what = path, _write(chosen, source, path)
    show_progress("")
    if not is_stdout(target):
        click.echo(f"{what} written to {sanitize(target)}", err=True)
    return 0


def _write(chosen: Format, source: "Source", path: str) -> str:
    """Write a format to a path that the user gave, and return what was written, in words."""
    if chosen.is_folder and is_stdout(path):
        raise UsageError(f"-o {path} cannot take format {chosen.name}, which is a folder: give a path")
    with output_folder(path) if chosen.is_folder else output_file(path) as temporary:
        return chosen.write(source, temporary)


@click.command("import")
@click.argument("path", metavar="FILE")
@click.option("--name", metavar="NAME", help="Name of the run; by default that of the file.")
def import_log(path: str, name: str | None) -> int:
    """Import a training log as a run to compare with.

    FILE is a CSV file of Keras' CSVLogger, or the folder of a TensorBoard log.
    """
    from mnist_tui.inspection.imported_run import import_run
    from mnist_tui.inspection.log_files import MAX_LISTED, read_log

    file = user_path(path, "FILE")
    if file.is_dir():
        check_packages("tensorboard", "a TensorBoard log")
    log = read_log(file)
    run = import_run(log, file, name)
    if log.left_out:
        others = ", ".join(log.left_out[:MAX_LISTED]) + (", ..." if len(log.left_out) > MAX_LISTED else "")
        click.echo(f"left out, as mnist-tui has no such metrics: {others}", err=True)
    click.echo(f"{len(log.epochs):,} epochs and {len(log.steps):,} steps imported as {run.record().name}", err=True)
    click.echo(run.id)
    return 0

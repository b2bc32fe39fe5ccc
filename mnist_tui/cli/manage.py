"""`mnist-tui runs`, and the commands that rename, tag, delete, restore and clean up runs."""

import sys
from collections.abc import Callable

import click

from mnist_tui.cli.steer import RUN_HELP
from mnist_tui.cli.wiring import UsageError
from mnist_tui.render.text import data_size, run_count, sanitize
from mnist_tui.runs import management
from mnist_tui.runs.directory import RunDirectory, RunError, find_run, list_runs

YES = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command()
@click.argument("terms", metavar="[FILTER]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--trash", is_flag=True, help="List the deleted runs instead.")
@click.option("--empty-trash", is_flag=True, help="Remove the deleted runs for good; asks first.")
@YES
def runs(terms: tuple[str, ...], as_json: bool, trash: bool, empty_trash: bool, yes: bool) -> int:
    """List runs, pinned ones first, then the newest.

    FILTER is a field and a value, such as preset:fast, val>0.99, tag:baseline or status:finished, or a part of a name;
    ! before it negates. Quote < and > for the shell.
    """
    from mnist_tui.cli import listing
    from mnist_tui.runs.summary import pinned_first, summaries

    if empty_trash:
        return _empty_trash(yes)
    from mnist_tui.inspection.run_filter import matching, parse

    wanted, errors = parse(" ".join(terms)), list[str]()
    found = pinned_first(summaries(management.deleted_runs() if trash else list_runs(), errors))
    found = matching(wanted, found)
    for error in errors:
        click.echo(f"mnist-tui: left out: {sanitize(error)}", err=True)
    if as_json:
        listing.print_json([summary.as_json() for summary in found])
    elif terms and not found:
        click.echo("No run matches.")
    elif trash and not found:
        click.echo("The trash is empty.")
    else:
        listing.print_runs(found)
    return 0


def _empty_trash(yes: bool) -> int:
    found = management.deleted_runs()
    if not found:
        click.echo("The trash is empty.")
        return 0
    size = data_size(sum(run.size() for run in found))
    if agreed(f"Remove {run_count(len(found))} ({size}) for good?", yes):
        management.empty_trash()
        click.echo(f"{run_count(len(found))} removed, {size} freed", err=True)
        return 0
    return 1


@click.command(help=f"Give a run another name. {RUN_HELP}")
@click.argument("run")
@click.argument("name")
def rename(run: str, name: str) -> int:
    management.rename(find_run(run), name)
    return 0


@click.command(help=f"Add tags to a run. {RUN_HELP}")
@click.argument("run")
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Remove these tags instead.")
def tag(run: str, tags: tuple[str, ...], remove: bool) -> int:
    (management.remove_tags if remove else management.add_tags)(find_run(run), *tags)
    return 0


@click.command(help=f"Write a note on a run; an empty TEXT removes it. {RUN_HELP}")
@click.argument("run")
@click.argument("text")
def note(run: str, text: str) -> int:
    management.set_note(find_run(run), text)
    return 0


@click.command(help=f"List a run before all that are not pinned. {RUN_HELP}")
@click.argument("run")
@click.option("--remove", is_flag=True, help="Pin it no longer.")
def pin(run: str, remove: bool) -> int:
    management.set_pinned(find_run(run), not remove)
    return 0


@click.command(help=f"Move runs to the trash; asks first. {RUN_HELP}")
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@YES
def delete(names: tuple[str, ...], yes: bool) -> int:
    found = _all(names)
    listed = ", ".join(sanitize(run.record().name) if run.config_path.exists() else run.id for run in found[:4])
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    if not agreed(f"Move {listed}{more} to the trash?", yes):
        return 1
    return _each(found, management.delete, "moved to the trash; `mnist-tui restore` brings it back")


@click.command(help="Move a deleted run back from the trash. RUN is an id, a unique prefix of one, or a name.")
@click.argument("run")
def restore(run: str) -> int:
    click.echo(management.restore(run).id)
    return 0


@click.command(
    help=f"Remove kept epochs and checkpoints. What `resume` needs stays, unless the run is finished. {RUN_HELP}"
)
@click.argument("names", metavar="RUN...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Clean all runs that are not live.")
def clean(names: tuple[str, ...], every: bool) -> int:
    if every == bool(names):
        raise UsageError("clean needs either RUN... or --all: see `mnist-tui clean --help`")
    freed = 0

    def clean_one(run: RunDirectory) -> None:
        nonlocal freed
        freed += management.clean(run)

    found = [run for run in list_runs() if not run.is_live()] if every else _all(names)
    status = _each(found, clean_one)
    click.echo(f"{data_size(freed)} freed", err=True)
    return status


MANAGEMENT = (runs, rename, tag, note, pin, delete, restore, clean)


def _all(names: tuple[str, ...]) -> list[RunDirectory]:
    return list({run.path: run for run in map(find_run, names)}.values())


def _each(found: list[RunDirectory], action: Callable[[RunDirectory], None], done: str = "") -> int:
    """Do something to each run, and return the exit status: the error of one does not keep the others from it."""
    status = 0
    for run in found:
        try:
            action(run)
        except RunError as error:
            click.echo(f"mnist-tui: {sanitize(str(error))}", err=True)
            status = 1
        else:
            if done:
                click.echo(f"{run.id} {done}", err=True)
    return status


def agreed(question: str, yes: bool) -> bool:
    """Return True if the user agrees, or gave --yes; raises UsageError if stdin is not a terminal."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("stdin is not a terminal that could be asked: give --yes")
    return click.confirm(question, err=True)

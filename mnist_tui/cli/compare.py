"""`mnist-tui compare`: results of runs, and whether they differ by more than chance."""

import click

from mnist_tui.cli.steer import RUN_HELP
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import find_run


@click.command(
    help=f"Compare runs with the first one. Tests if they differ by more than chance. {RUN_HELP} With --group, compare"
    " all runs with a tag as one: mean, spread, the best, and the settings that mattered."
)
@click.argument("runs", metavar="RUN RUN...", nargs=-1)
@click.option("--group", metavar="TAG", help="Compare the runs with this tag as one, as those of a queued grid.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def compare(runs: tuple[str, ...], group: str | None, as_json: bool) -> int:
    from mnist_tui.cli import listing
    from mnist_tui.cli.wiring import UsageError
    from mnist_tui.inspection.run_difference import EvaluatedRun, differences
    from mnist_tui.runs.summary import summarize

    if bool(runs) == (group is not None):
        raise UsageError("compare needs either RUN RUN... or --group TAG: see `mnist-tui compare --help`")
    if group is not None:
        return _compare_group(group, as_json)
    found = list({run.path: run for run in map(find_run, runs)}.values())
    if len(found) < 2:
        raise UsageError("compare needs two different runs: `mnist-tui runs` lists them")
    compared = [summarize(run) for run in found]
    base, *others = (EvaluatedRun(each.run, each.history) for each in compared)
    tested = [differences(base, other) for other in others]
    if as_json:
        listing.print_json(
            {
                "runs": [each.as_json() | listing.intervals(each) for each in compared],
                "differences": [
                    {"run": other.run.id, "from": base.run.id, "splits": [each.as_json() for each in splits]}
                    for other, splits in zip(others, tested, strict=True)
                ],
            }
        )
        return 0

    listing.print_compared(compared)
    for other, splits in zip(others, tested, strict=True):
        names = (sanitize(each.history.record.name) for each in (other, base))
        listing.console().print("\n" + " compared with ".join(names))
        for split in splits:
            listing.console().print(sanitize(f"  {split.words}"), soft_wrap=True)
        if not splits:
            listing.console().print("  not tested, as they have no result on the same split yet")
    return 0


def _compare_group(name: str, as_json: bool) -> int:
    from mnist_tui.cli import listing
    from mnist_tui.cli.listing_group import print_group
    from mnist_tui.inspection.run_group import group_of, tagged
    from mnist_tui.runs.summary import summaries

    troubles: list[str] = []
    group = group_of(name, summaries(tagged(name), troubles))
    for trouble in troubles:
        click.echo(f"mnist-tui: left out: {sanitize(trouble)}", err=True)
    if as_json:
        listing.print_json(group.as_json() | {"runs": [each.as_json() for each in group.runs]})
    else:
        print_group(group)
    return 0

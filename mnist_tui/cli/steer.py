"""Commands that steer a run: one per row of `STEERING_COMMANDS`, `set` for the rows that are settings, and `resume`."""

import sys
import time
from typing import get_args

import click
import msgspec

from mnist_tui.cli.distributed import distribution_options, follow
from mnist_tui.cli.options import flag_of
from mnist_tui.cli.wiring import UsageError, catalogue, check_terminal, watch
from mnist_tui.cluster import Cluster
from mnist_tui.control import client
from mnist_tui.control.commands import STEERING_COMMANDS, Fields, SteeringCommand, parse_epochs
from mnist_tui.control.on_end import check_command
from mnist_tui.control.protocol import SetEpochs
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, find_run
from mnist_tui.settings import SETTINGS_BY_KEY

RUN_HELP = "RUN is an id, a unique prefix of one, a name, or `last`."
INTERFACE = "command line"


def steering_commands() -> list[click.Command]:
    """Return all commands that steer a run."""
    commands = [_command(row) for row in STEERING_COMMANDS if row.parse is None]
    return [*commands, _set_command(), resume]


def _command(row: SteeringCommand) -> click.Command:
    def callback(run: str, **fields: object) -> None:
        _send(find_run(run), row, fields)

    fields = [field for field in msgspec.structs.fields(row.request) if field.name != "by"]
    return click.Command(
        row.name,
        callback=callback,
        params=[click.Argument(["run"]), *map(_parameter, fields)],
        help=f"{row.help}. {RUN_HELP}",
    )


def _parameter(field: msgspec.structs.FieldInfo) -> click.Parameter:
    """Return a flag for a field that is false by default, else an optional argument."""
    if field.default is False:
        descriptions = [each.description for each in get_args(field.type) if isinstance(each, msgspec.Meta)]
        return click.Option([flag_of(field.name)], is_flag=True, help="".join(filter(None, descriptions)))
    return click.Argument([field.name], type=type(field.default), default=field.default)


def _set_command() -> click.Command:
    """Return the command `set`, which parses all its options before it sends the first request."""
    rows = [row for row in STEERING_COMMANDS if row.parse is not None]

    def callback(run: str, **texts: str | None) -> None:
        changes = []
        for row in rows:
            text = texts[row.name]
            if row.parse is not None and text is not None:
                changes.append((row, row.parse(text)))
        if not changes:
            raise UsageError(f"nothing to set: give {', '.join(flag_of(row.name) for row in rows)}")
        found = find_run(run)
        for row, fields in changes:
            _send(found, row, fields)

    options = [click.Option([flag_of(row.name)], metavar=row.metavar, help=f"{row.help}.") for row in rows]
    return click.Command(
        "set",
        callback=callback,
        params=[click.Argument(["run"]), *options],
        help=f"Change settings of a live run. {RUN_HELP}",
    )


def _send(run: RunDirectory, row: SteeringCommand, fields: Fields) -> None:
    """Send a request, and print what the run does next; raises RunError."""
    request = row.request(by=client.origin(INTERFACE), **fields)
    reply = client.send(run, request)
    click.echo(f"run {run.id} {row.confirm(request)}")
    if isinstance(request, SetEpochs):
        from mnist_tui.control.resume import retest_warning
        from mnist_tui.runs.summary import history_without_steps

        history = history_without_steps(run)
        if history.tests:
            click.echo(f"run {run.id}: {retest_warning(history)}", err=True)
    if reply.save_error:
        click.echo(f"mnist-tui: {sanitize(reply.save_error)}", err=True)


@click.command(help=f"Resume a run from its newest checkpoint. A finished run needs more --epochs. {RUN_HELP}")
@click.argument("run")
@click.option("--epochs", metavar="N|+N", help="Epochs in total, or how many more than planned.")
@click.option("--accept-changed-data", is_flag=True, help="Train on although the data have changed.")
@click.option("--on-end", metavar=SETTINGS_BY_KEY["on_end"].kind.metavar, help=SETTINGS_BY_KEY["on_end"].help)
@click.option("--plain", is_flag=True, help="Plain lines instead of the screen.")
@click.option("--detach", is_flag=True, help="Resume the run, print its id and return.")
@click.option("--take-over", is_flag=True, help="Replace the engine of another machine, which is gone.")
@distribution_options
def resume(
    run: str,
    epochs: str | None,
    accept_changed_data: bool,
    on_end: str | None,
    plain: bool,
    detach: bool,
    take_over: bool,
    cluster: Cluster | None,
) -> int:
    """Start another engine on a run and watch it."""
    from mnist_tui.control.resume import resume_run

    planned = parse_epochs(epochs) if epochs is not None else {}
    if planned.get("change", 0) < 0:
        raise UsageError(f"--epochs {epochs} cannot be used: give the epochs in total, or +N for N more")
    if on_end is not None:
        check_command(on_end)
    if cluster is not None and not cluster.is_coordinator:
        return follow(cluster)  # the run directory is on the machine of process 0
    found = find_run(run)
    config = found.record().config
    if cluster is not None:
        cluster.check(config)
    plain = plain or not sys.stdout.isatty()
    if not plain and not detach:
        check_terminal()
    resumed_at = time.time()
    by = client.origin(INTERFACE)
    if take_over:
        found.lock.take_over()
    done = resume_run(
        found,
        by,
        catalogue(),
        epochs=planned.get("epochs"),
        more=planned.get("change", 0),
        cluster=cluster,
        accept_changed_data=accept_changed_data,
        on_end=on_end,
    )
    click.echo(f"run {found.id}: {done}", err=True)
    if detach:
        click.echo(found.id)
        return 0
    return watch(found, plain, since=resumed_at)

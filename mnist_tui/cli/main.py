"""The commands of `mnist-tui`, except those that steer a run (steer.py), inspect one (inspect.py) or measure speed."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mnist_tui import __version__
from mnist_tui.cli.bench import bench
from mnist_tui.cli.compare import compare
from mnist_tui.cli.data import data
from mnist_tui.cli.distributed import distribution_options, follow
from mnist_tui.cli.doctor import doctor
from mnist_tui.cli.export import export, import_log
from mnist_tui.cli.find_lr import find_lr
from mnist_tui.cli.inspect import evaluate, label_issues, submit
from mnist_tui.cli.manage import MANAGEMENT
from mnist_tui.cli.new_model import new_model
from mnist_tui.cli.options import UserPath, settings_options
from mnist_tui.cli.predict import predict
from mnist_tui.cli.queue import queue
from mnist_tui.cli.renamed import new_arguments
from mnist_tui.cli.settings_files import settings_as_toml, settings_from, settings_like
from mnist_tui.cli.steer import RUN_HELP, steering_commands
from mnist_tui.cli.wiring import UsageError, catalogue, check_terminal, launch, show_screen, watch
from mnist_tui.cluster import Cluster
from mnist_tui.control.warm import spare
from mnist_tui.runs.directory import find_run
from mnist_tui.settings import SETTINGS, alike_names


def run_command() -> int:
    """Run the command line of this process and return its exit status; raises UsageError for a wrong one."""
    try:
        return commands.main(new_arguments(sys.argv[1:]), prog_name="mnist-tui", standalone_mode=False) or 0
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except click.NoSuchOption as error:
        raise UsageError(unknown_option(error, sys.argv[1:])) from None
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "mnist-tui"
        raise UsageError(f"{error.format_message().rstrip('.')}: see `{path} --help`") from None
    except click.Abort:
        raise KeyboardInterrupt from None


def unknown_option(error: click.NoSuchOption, arguments: Sequence[str]) -> str:
    """Return a sentence that names the options which the user may have meant."""
    given, context = error.option_name, error.ctx
    if not given.startswith("--"):  # Click reads -lr as -l and -r
        given = next((each.partition("=")[0] for each in arguments if each.startswith(given)), given)
    command = context.command if context is not None else commands
    path, where = context.command_path if context is not None else "mnist-tui", ""
    if command is commands:  # an option without its command
        command, where = train, "train "
    names = [name for each in command.params for name in each.opts if name.startswith("--")]
    alike = [where + name for name in alike_names(given, names)]
    fix = f"did you mean {' or '.join(alike)}?" if alike else f"see `{path} --help`"
    return f"there is no option {given}: {fix}"


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mnist-tui")
@click.pass_context
def commands(context: click.Context) -> int | None:
    """Train a Keras CNN on digits in the terminal, and watch, inspect and steer it live.

    Without a command, open the home screen. Runs are stored in MNIST_TUI_HOME.
    """
    return show_screen(None) if context.invoked_subcommand is None else None


INSPECTION = (compare, evaluate, submit, predict, label_issues, export, import_log)
for command in (*steering_commands(), *INSPECTION, *MANAGEMENT, queue, bench, doctor, data, find_lr, new_model):
    commands.add_command(command)


@commands.command()
@settings_options(SETTINGS)
@distribution_options
@click.option("--config", "config_file", type=UserPath(), help="Settings from a TOML file; flags take precedence.")
@click.option("--like", metavar="RUN", help="Settings of an earlier run; --config and flags take precedence.")
@click.option("--print-config", is_flag=True, help="Print the settings as TOML for --config, and do not train.")
@click.option("--plain", is_flag=True, help="Plain lines instead of the screen.")
@click.option("--detach", is_flag=True, help="Start the run, print its id and return.")
def train(
    config_file: Path | None,
    like: str | None,
    print_config: bool,
    plain: bool,
    detach: bool,
    cluster: Cluster | None,
    **flags: str | None,
) -> int:
    """Start a run and watch it.

    If stdout is not a terminal, print plain lines.
    """
    given = settings_like(like) if like else {}
    given |= settings_from(config_file) if config_file else {}
    given |= {key: text for key, text in flags.items() if text is not None}
    config = catalogue().complete(given)
    if print_config:
        click.echo(settings_as_toml(config), nl=False)
        return 0
    if cluster is not None:
        cluster.check(config)
        if not cluster.is_coordinator:
            return follow(cluster)
    plain = plain or not sys.stdout.isatty()
    if not plain and not detach:
        check_terminal()
    if config.model and sys.stderr.isatty():
        click.echo(f"checking {config.network(0)}", err=True)
    if cluster is None:
        spare.keep(config)
    run = launch(config, cluster)
    if detach:
        click.echo(run.id)
        return 0
    return watch(run, plain)


@commands.command(help=f"Open a run (default: the newest). Watch and steer it if it is live. {RUN_HELP}")
@click.argument("run", default="last")
@click.option("--plain", is_flag=True, help="Plain lines instead of the screen.")
def attach(run: str, plain: bool) -> int:
    return watch(find_run(run), plain or not sys.stdout.isatty())


@commands.command(help=f"Show one run. Settings, status, best epoch, accuracies, per-class report. {RUN_HELP}")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(run: str, as_json: bool) -> int:
    from mnist_tui.cli import listing
    from mnist_tui.runs.summary import summarize

    summary = summarize(find_run(run))
    if as_json:
        listing.print_json(listing.run_document(summary))
    else:
        listing.print_run(summary)
    return 0

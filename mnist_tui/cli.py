"""Commands and flags -> RunConfig -> the screen, plain lines or JSON. Every heavy import is late.

This is the one place that knows both the engine's registries and the face, and hands the ones to the other.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mnist_tui import __version__
from mnist_tui.config import SETTINGS, Catalogue, ConfigError, RunConfig
from mnist_tui.runs.directory import RunDirectory, RunError, find_run, list_runs

if TYPE_CHECKING:
    from mnist_tui.ui.app import MnistTuiApp

RUN_HELP = "RUN is an id, a unique prefix of one, a name, or `last`."


class UsageError(Exception):
    """What was asked cannot be done here; one sentence."""


def main() -> NoReturn:
    """Run the command line. Exit status: 0 done, 1 the run failed, 2 bad usage or input, 130 interrupted."""
    try:
        sys.exit(commands.main(standalone_mode=False) or 0)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "mnist-tui"
        fail(f"{error.format_message().rstrip('.')}: see `{path} --help`")
    except (UsageError, ConfigError, RunError) as error:
        fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def fail(sentence: str) -> NoReturn:
    """One line on stderr, exit status 2."""
    print("mnist-tui: " + " ".join(sentence.split()), file=sys.stderr)
    sys.exit(2)


def catalogue() -> Catalogue:
    """What the engine offers, without what it needs."""
    from mnist_tui.engine.datasets import DATASETS, check_spec
    from mnist_tui.engine.presets import PRESETS

    return Catalogue({name: preset.recipe for name, preset in PRESETS.items()}, tuple(DATASETS), check_spec)


def launch(config: RunConfig) -> RunDirectory:
    """Check the data and start an engine; raises ConfigError or RunError, and then leaves nothing behind."""
    from mnist_tui.engine.datasets import verify
    from mnist_tui.runs.client import start

    verify(config.data)
    return start(config)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A flag for every setting; its text is read by the setting itself, so that all doors refuse in the same words."""
    for setting in reversed(SETTINGS):
        flag = "--" + setting.key.replace("_", "-")
        command = click.option(flag, setting.key, metavar=setting.kind.upper(), help=setting.help)(command)
    return command


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mnist-tui")
@click.pass_context
def commands(context: click.Context) -> int | None:
    """Train a Keras CNN on digits in the terminal, and watch, question and steer it live.

    Without a command: the home screen. MNIST_TUI_HOME sets where runs live.
    """
    return show_screen(None) if context.invoked_subcommand is None else None


@commands.command()
@settings_options
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="The same settings from a TOML file; flags win."
)
@click.option("--plain", is_flag=True, help="Plain lines instead of the screen.")
@click.option("--detach", is_flag=True, help="Start the run, print its id and return.")
def train(config_file: Path | None, plain: bool, detach: bool, **flags: str | None) -> int:
    """Start a run and watch it (plain lines when stdout is no terminal)."""
    given = settings_from(config_file) if config_file else {}
    given |= {key: text for key, text in flags.items() if text is not None}
    config = catalogue().complete(given)
    plain = plain or not sys.stdout.isatty()
    if not plain and not detach:
        check_terminal()
    run = launch(config)
    if detach:
        click.echo(run.id)
        return 0
    return watch(run, plain)


@commands.command(help=f"Watch and steer a live run, or look at one that is over (default: the newest). {RUN_HELP}")
@click.argument("run", default="last")
@click.option("--plain", is_flag=True, help="Plain lines instead of the screen.")
def attach(run: str, plain: bool) -> int:
    """Open a run."""
    return watch(find_run(run), plain or not sys.stdout.isatty())


@commands.command(help=f"End a run after its current batch, evaluated and saved. {RUN_HELP}")
@click.argument("run")
@click.option("--now", is_flag=True, help="At once, unevaluated.")
def stop(run: str, now: bool) -> int:
    """Ask a run's engine to end."""
    from mnist_tui.runs import client

    found = find_run(run)
    client.ask(found, client.Stop(by="command line", now=now))
    click.echo(f"run {found.id} ends {'now' if now else 'after this batch'}")
    return 0


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def runs(as_json: bool) -> int:
    """All runs, the newest first."""
    from mnist_tui import listing
    from mnist_tui.runs.summary import summaries

    found = summaries(list_runs())
    if as_json:
        listing.print_json([summary.as_json() for summary in found])
    else:
        listing.print_runs(found)
    return 0


@commands.command(help=f"One run: settings, status, best epoch, accuracies, per-class report. {RUN_HELP}")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(run: str, as_json: bool) -> int:
    """Tell everything about one run."""
    from mnist_tui import listing
    from mnist_tui.runs.summary import summarize

    summary = summarize(find_run(run))
    if as_json:
        listing.print_json(listing.run_document(summary))
    else:
        listing.print_run(summary)
    return 0


def settings_from(path: Path) -> dict[str, str]:
    """The settings in a TOML file, as text; raises ConfigError."""
    import tomllib

    try:
        given = {key: str(value) for key, value in tomllib.loads(path.read_text("utf-8")).items()}
        catalogue().complete(given)
        return given
    except ConfigError as error:
        raise ConfigError(f"--config {path}: {error}") from None
    except OSError as error:
        raise ConfigError(f"--config {path} cannot be read ({error.strerror}): give the path of a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"--config {path} is not TOML ({error}): write lines like `epochs = 2`") from None


def watch(run: RunDirectory, plain: bool) -> int:
    """Follow a run on the screen or in plain lines; returns the exit status."""
    if plain:
        from mnist_tui.plain import follow

        return follow(run)
    return show_screen(run)


def show_screen(run: RunDirectory | None) -> int:
    """The face, on the home screen or on a run."""
    check_terminal()
    app = make_app(run)
    app.run()
    return app.return_code or 0


def make_app(run: RunDirectory | None) -> "MnistTuiApp":
    """The face, wired to the engine's registries."""
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")  # read when Textual is imported; bytes on a slow link
    from mnist_tui.ui.app import MnistTuiApp

    return MnistTuiApp(catalogue(), launch, run)


def check_terminal() -> None:
    """Whether this terminal can show the screen; raises UsageError with the mend before anything is started."""
    from mnist_tui.terminal import unfitness

    reason = unfitness(os.environ, stdin=sys.stdin.isatty(), stdout=sys.stdout.isatty(), stderr=sys.stderr.isatty())
    if reason:
        raise UsageError(reason)

"""The `find-lr` command."""

import math
import shlex
import shutil
from typing import Any

import click

from mnist_tui.cli.options import flag_of, settings_options
from mnist_tui.cli.output import show_progress
from mnist_tui.cli.wiring import catalogue
from mnist_tui.settings import INTEGER, SETTINGS, Setting

UNUSED_SETTINGS = frozenset(
    {
        *("epochs", "learning_rate", "labels", "name", "early_stopping", "until", "on_end"),
        *("checkpoint_seconds", "kept_epochs", "rolling", "steps_per_execution", "ensemble"),
    }
)
"""Settings that do not change the test, or that it chooses."""
STEPS = Setting("steps", "steps of the test", INTEGER, 50, 2_000)
COLUMNS, ROWS = 100, 20


@click.command("find-lr")
@settings_options([setting for setting in SETTINGS if setting.key not in UNUSED_SETTINGS])
@click.option("--steps", default="300", show_default=True, metavar="INTEGER", help=STEPS.help)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def find_lr(steps: str, as_json: bool, **flags: str | None) -> int:
    """Find a maximum learning rate for these settings.

    Trains a new model for some hundred steps, with a learning rate that grows from 1e-6 to 1 or until the loss
    explodes (a range test, Smith 2017). Prints the loss over the rate, a suggestion with its reason, and the command
    that trains with it. No run is created.
    """
    from mnist_tui.analysis.learning_rate import smoothed, suggest
    from mnist_tui.cli import listing
    from mnist_tui.control.find_rate import find_rate

    given = {key: text for key, text in flags.items() if text is not None}
    config = catalogue().complete(given)
    count = int(str(STEPS.parse(steps, catalogue())))
    tried, losses = list[float](), list[float]()
    for report in find_rate(config, count):
        for rate, loss in report.rates:
            tried.append(rate)
            losses.append(math.nan if loss is None else loss)
        show_progress(f"{report.message} …")
    show_progress("")
    found = suggest(tried, losses)
    options = [(flag_of(key), text) for key, text in given.items()]
    if found.rate is not None:
        options.append(("--learning-rate", f"{found.rate:g}"))
    command = shlex.join(["mnist-tui", "train", *(word for option in options for word in option)])
    if as_json:
        document: dict[str, Any] = {
            "suggestion": found.rate,
            "reason": found.reason,
            "command": command if found.rate is not None else None,
            "rates": tried,
            "losses": losses,
            "smoothed": smoothed(losses).tolist(),
        }
        listing.print_json(document)
    else:
        _print_curve(tried, losses, found.rate)
        if found.rate is None:
            click.echo(f"no suggestion: {found.reason}")
        else:
            click.echo(f"suggested maximum learning rate: {found.rate:g}, as {found.reason}")
            click.echo(command)
    return 0 if found.rate is not None else 1


def _print_curve(tried: list[float], losses: list[float], suggested: float | None) -> None:
    from mnist_tui.analysis.learning_rate import HIGHEST, LOWEST, smoothed
    from mnist_tui.render.rate_plot import RateColours, draw_rates

    columns = min(COLUMNS, shutil.get_terminal_size((COLUMNS, ROWS)).columns - 1)
    colours = RateColours(*((0, 0, 0),) * 5)
    click.echo("loss over the learning rate: · each step, line: smoothed, │ suggested")
    for line in draw_rates(tried, losses, smoothed(losses), (LOWEST, HIGHEST), suggested, colours, columns, ROWS):
        click.echo(line.plain.rstrip())

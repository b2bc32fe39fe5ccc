"""The command that says how fast this machine is."""

import click
import msgspec

from mnist_tui.cli.options import settings_options
from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.config import RunConfig
from mnist_tui.settings import INTEGER, REAL, SETTINGS, Setting

OTHER_MATTERS = ("preset", "epochs", "name", "early_stopping", "checkpoint_seconds", "ensemble")
"""Settings that a measurement decides for itself, or that do not change the speed."""
TIMED = tuple(setting for setting in SETTINGS if setting.key not in OTHER_MATTERS)
MARK_PRESET = "fast"
SECONDS = Setting("seconds", "seconds", "of training to measure for each preset", REAL, 0.1, 3_600)
REPEAT = Setting("repeat", "repeat", "runs to the mark, each with a seed of its own", INTEGER, 1, 100)


@click.command()
@click.option("--preset", "presets", multiple=True, metavar="PRESET", help="Only this one; may be given several times.")
@click.option("--seconds", default="10", show_default=True, metavar="REAL", help=SECONDS.help)
@click.option("--repeat", default="1", show_default=True, metavar="INTEGER", help=REPEAT.help)
@click.option("--no-mark", is_flag=True, help=f"Only the speeds; do not train {MARK_PRESET} to its end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@settings_options(TIMED)
def bench(
    presets: tuple[str, ...], seconds: str, repeat: str, no_mark: bool, as_json: bool, **flags: str | None
) -> int:
    """How fast this machine trains, and how soon it reads 99.29 %.

    Images/s of every preset, and the seconds in which `fast` reads 99.29 % of the test digits. Your runs stay as they
    are.
    """
    from mnist_tui.bench.measure import measure
    from mnist_tui.bench.report import ProgressReport, print_measured
    from mnist_tui.cli import listing

    given = {key: text for key, text in flags.items() if text is not None}
    configs = [configured(given, preset) for preset in dict.fromkeys(presets or catalogue().recipes)]
    wanted = float(str(SECONDS.parse(seconds, catalogue())))
    runs = int(str(REPEAT.parse(repeat, catalogue())))
    marks = [] if no_mark else [config for config in configs if config.preset == MARK_PRESET]
    marks = [msgspec.structs.replace(config, seed=config.seed + number) for config in marks for number in range(runs)]
    with ProgressReport() as progress:
        measured = measure(configs, marks, wanted, given, launch, progress)
    if as_json:
        listing.print_json(measured)
    else:
        print_measured(measured)
    return 0 if measured.complete else 1


def configured(given: dict[str, str], preset: str) -> RunConfig:
    """A preset's own settings, of one network, but for those that were given; raises ConfigError."""
    return catalogue().complete(given | {"preset": preset, "ensemble": "1"})

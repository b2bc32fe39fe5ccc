"""The `bench` command."""

import click
import msgspec

from mnist_tui.cli.options import settings_options
from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.config import RunConfig
from mnist_tui.settings import INTEGER, REAL, SETTINGS, Setting

FIXED_SETTINGS = ("preset", "epochs", "name", "early_stopping", "until", "on_end", "checkpoint_seconds", "ensemble")
"""Settings that the benchmark chooses, or that do not change the speed."""
TIMED_SETTINGS = tuple(setting for setting in SETTINGS if setting.key not in FIXED_SETTINGS)
TARGET_PRESET = "fast"
SECONDS = Setting("seconds", "of training to measure for each preset", REAL, 0.1, 3_600)
REPEAT = Setting("repeat", "complete runs, each with another seed", INTEGER, 1, 100)


@click.command()
@click.option("--preset", "presets", multiple=True, metavar="PRESET", help="Measure this preset only; repeatable.")
@click.option("--seconds", default="10", show_default=True, metavar="REAL", help=SECONDS.help)
@click.option("--repeat", default="1", show_default=True, metavar="INTEGER", help=REPEAT.help)
@click.option("--speed-only", is_flag=True, help=f"Do not train {TARGET_PRESET} to its end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@settings_options(TIMED_SETTINGS)
def bench(
    presets: tuple[str, ...],
    seconds: str,
    repeat: str,
    speed_only: bool,
    as_json: bool,
    **flags: str | None,
) -> int:
    """Measure how fast this machine trains.

    Gives images/s of every preset, and the training time of `fast` to 99.29 % test accuracy. Your runs are not
    changed.
    """
    from mnist_tui.bench.measure import measure
    from mnist_tui.bench.report import ProgressReport, print_result
    from mnist_tui.cli import listing

    given = {key: text for key, text in flags.items() if text is not None}
    configs = [configured(given, preset) for preset in dict.fromkeys(presets or catalogue().recipes)]
    wanted = float(str(SECONDS.parse(seconds, catalogue())))
    runs = int(str(REPEAT.parse(repeat, catalogue())))
    complete = [] if speed_only else [config for config in configs if config.preset == TARGET_PRESET]
    complete = [msgspec.structs.replace(one, seed=one.seed + number) for one in complete for number in range(runs)]
    with ProgressReport() as progress:
        result = measure(configs, complete, wanted, given, launch, progress)
    if as_json:
        listing.print_json(result.as_json())
    else:
        print_result(result)
    return 0 if result.is_complete else 1


def configured(given: dict[str, str], preset: str) -> RunConfig:
    """Return the settings of a preset as a single model, with the given ones; raises ConfigError."""
    return catalogue().complete(given | {"preset": preset, "ensemble": "1"})

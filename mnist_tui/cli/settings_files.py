"""Settings of a run from a TOML file or from an earlier run."""

from pathlib import Path

import click
import msgspec

from mnist_tui.cli.renamed import new_keys
from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import ConfigError, RunConfig
from mnist_tui.runs.directory import find_run
from mnist_tui.runs.model_source import changed_words, kept_model
from mnist_tui.settings import SETTINGS
from mnist_tui.untrusted import read_bytes, sanitize

MAX_CONFIG_BYTES = 1 << 20


def settings_like(wanted: str) -> dict[str, str]:
    """Return the settings that a run was started with, as text, without its name; raises RunError.

    If an own model has changed since, or is gone, the run's copy takes its place, with a note on stderr.
    """
    run = find_run(wanted)
    config = run.record().config
    recorded = msgspec.structs.asdict(config)
    if changed := changed_words(run, config):
        recorded["model"] = kept_model(run, config)
        click.echo(f"mnist-tui: {sanitize(changed)}: --like uses the run's copy, {recorded['model']}", err=True)
    return {key: str(value) for key, value in recorded.items() if value is not None and key != "name"}


def settings_as_toml(config: RunConfig) -> str:
    """Return the settings as a TOML file that `settings_from` reads."""
    lines = []
    for setting in SETTINGS:
        value = getattr(config, setting.key)
        if value is not None:
            # numbers and strings of JSON are those of TOML
            lines.append(f"{setting.key} = {msgspec.json.encode(value).decode()}  # {setting.help}\n")
    return "".join(lines)


def settings_from(path: Path) -> dict[str, str]:
    """Return the settings in a TOML file, as text; raises ConfigError."""
    import tomllib

    try:
        settings = tomllib.loads(read_bytes(path, MAX_CONFIG_BYTES).decode())
        given = new_keys({key: str(value) for key, value in settings.items()})
        catalogue().complete(given)
        return given
    except ConfigError as error:
        raise ConfigError(f"--config {path}: {error}") from None
    except OSError as error:
        raise ConfigError(f"--config {path} cannot be read ({error.strerror}): give the path of a TOML file") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--config {path} is not TOML ({error}): write lines like `epochs = 2`") from None

"""Old spellings of commands, flags and settings, which work for one release."""

from collections.abc import Mapping, Sequence

import click

from mnist_tui.cli.options import flag_of
from mnist_tui.settings import RENAMED_SETTINGS

RENAMED_COMMANDS = {"disputes": "label-issues"}
RENAMED_FLAGS = {"--no-mark": "--speed-only"} | {flag_of(old): flag_of(new) for old, new in RENAMED_SETTINGS.items()}


def new_arguments(arguments: Sequence[str]) -> list[str]:
    """Return a command line with the new names, after a notice on stderr for each old one."""
    renamed = []
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        renamed.append(_new_name(name, RENAMED_FLAGS if position else RENAMED_COMMANDS) + equals + value)
    return renamed


def new_keys(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings under their new names, after a notice on stderr for each old one."""
    return {_new_name(key, RENAMED_SETTINGS): text for key, text in settings.items()}


def _new_name(name: str, renamed: Mapping[str, str]) -> str:
    if name in renamed:
        click.echo(f"mnist-tui: `{name}` is now `{renamed[name]}`: the next release drops the old name", err=True)
    return renamed.get(name, name)

"""Old spellings of commands and flags, which work for one release."""

from collections.abc import Sequence

import click

RENAMED_COMMANDS = {"disputes": "label-issues"}
RENAMED_FLAGS: dict[str, str] = {}


def with_new_names(arguments: Sequence[str]) -> list[str]:
    """Return a command line with the new names, after a notice on stderr for each old one."""
    return [_renamed(argument, is_command=position == 0) for position, argument in enumerate(arguments)]


def _renamed(argument: str, *, is_command: bool) -> str:
    old, equals, value = argument.partition("=")
    new = (RENAMED_COMMANDS if is_command else RENAMED_FLAGS).get(old)
    if new is None:
        return argument
    click.echo(f"mnist-tui: `{old}` is now `{new}`: the old name will go in the next release", err=True)
    return new + equals + value

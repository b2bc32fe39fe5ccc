"""Flags for the settings of a run."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from mnist_tui.settings import Setting


def flag_of(name: str) -> str:
    """Return the flag of a setting or of a request's field."""
    return "--" + name.replace("_", "-")


def settings_options(settings: Iterable[Setting]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds a flag for each setting. The value stays text, which the setting itself parses."""

    def declare(command: Callable[..., Any]) -> Callable[..., Any]:
        for setting in reversed(list(settings)):
            option = click.option(flag_of(setting.key), setting.key, metavar=setting.kind.metavar, help=setting.help)
            command = option(command)
        return command

    return declare

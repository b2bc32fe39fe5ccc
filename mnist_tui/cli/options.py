"""Flags for the settings of a run."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from mnist_tui.settings import Setting


def settings_options(settings: Iterable[Setting]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds a flag for each setting. The value stays text, which the setting itself parses."""

    def declare(command: Callable[..., Any]) -> Callable[..., Any]:
        for setting in reversed(list(settings)):
            flag = "--" + setting.key.replace("_", "-")
            command = click.option(flag, setting.key, metavar=setting.kind.metavar, help=setting.help)(command)
        return command

    return declare

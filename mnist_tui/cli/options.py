"""Flags for the settings of a run, as they are declared in config.py."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from mnist_tui.settings import Setting


def settings_options(settings: Iterable[Setting]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A flag for each setting; its text is read by the setting itself, so that all doors refuse in the same words."""

    def declare(command: Callable[..., Any]) -> Callable[..., Any]:
        for setting in reversed(list(settings)):
            flag = "--" + setting.key.replace("_", "-")
            command = click.option(flag, setting.key, metavar=setting.kind.metavar, help=setting.help)(command)
        return command

    return declare

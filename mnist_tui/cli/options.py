"""Flags for the settings of a run, and the type of flags that take a path."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from mnist_tui.settings import Setting, user_path


class UserPath(click.ParamType[Path]):
    """A path, made absolute and without ~; ConfigError if there can be none like it."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ARG002
        return user_path(value, param.opts[0] if param else "path")


def flag_of(name: str) -> str:
    """Return the flag of a setting or of a request's field."""
    return "--" + name.replace("_", "-")


def settings_options(
    settings: Iterable[Setting], *, multiple: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds a flag for each setting. The value stays text, which the setting itself parses.

    `multiple`: each flag may be given several times, and its value is a tuple of texts.
    """

    def declare(command: Callable[..., Any]) -> Callable[..., Any]:
        for setting in reversed(list(settings)):
            option = click.option(
                flag_of(setting.key),
                setting.key,
                metavar=setting.kind.metavar,
                help=setting.help,
                multiple=multiple,
            )
            command = option(command)
        return command

    return declare

"""The command that writes a starting file for an own model."""

import shlex
from pathlib import Path

import click

from mnist_tui.cli.options import UserPath
from mnist_tui.config import ConfigError
from mnist_tui.render.text import sanitize
from mnist_tui.resources import asset


@click.command("new-model", help="Write a commented Python file with a model of your own. It trains as it is.")
@click.argument("path", metavar="FILE.py", type=UserPath())
def new_model(path: Path) -> int:
    if path.suffix != ".py":
        raise ConfigError(f"{path} cannot be a model's file: give a name that ends with .py")
    text = asset("new_model.py").read_text("utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text.replace("THIS_FILE.py", shlex.quote(str(path))))
    except FileExistsError:
        raise ConfigError(f"{path} exists already: give a new name, or remove it first") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}): give another path") from None
    click.echo(f"edit it, then train it: mnist-tui train --model {sanitize(shlex.quote(str(path)))}", err=True)
    return 0

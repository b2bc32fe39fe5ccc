"""Preferences of the user, for all runs: a TOML file in the user's configuration folder, or none."""

import tomllib
from pathlib import Path
from typing import Literal, get_args

import msgspec
import platformdirs

from mnist_tui.config import ConfigError, command_words
from mnist_tui.untrusted import read_bytes, sanitize

MAX_BYTES = 1 << 16
Notify = Literal["auto", "off", "bell", "osc9", "osc777"]
"""Sign by which a terminal draws attention to a run. auto: a notification where the terminal is known to show it."""


class Preferences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Contents of the file."""

    notify: Notify = "auto"
    """Sign that the terminal gives when the run on the screen ends, fails, diverges, stalls or crashes."""
    on_end: str = "off"
    """Default of the setting `on_end`."""


def preferences_path() -> Path:
    """Return the path of the file, which need not exist."""
    return platformdirs.user_config_path("mnist-tui") / "preferences.toml"


def read_preferences() -> Preferences:
    """Read the file, if there is one; raises ConfigError if it cannot be read or used."""
    path = preferences_path()
    try:
        found = msgspec.convert(tomllib.loads(read_bytes(path, MAX_BYTES).decode()), Preferences)
        command_words(found.on_end)
    except FileNotFoundError:
        return Preferences()
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): make it readable, or remove it") from None
    except (ValueError, RecursionError) as error:
        choices = ", ".join(get_args(Notify))
        reason = sanitize(str(error))
        raise ConfigError(
            f'{path} cannot be used ({reason}): give notify ({choices}) and on_end, as notify = "bell"'
        ) from None
    return found

"""about.json: what users say about a run. Older runs have none."""

import re
from pathlib import Path
from typing import Any

import msgspec

from mnist_tui.config import ConfigError, quoted
from mnist_tui.runs.errors import RunError
from mnist_tui.runs.replacing import replacing
from mnist_tui.settings import NO_CATALOGUE, SETTINGS_BY_KEY
from mnist_tui.untrusted import read_bytes, sanitized

FILE = "about.json"
TAG = r"\w[\w.+-]{0,29}"
"""Regular expression of a tag."""
MAX_BYTES = 1 << 16
MAX_TAGS = 20
MAX_NOTE = 500
"""Characters of a note."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Name, tags and note of a run."""

    name: str | None = None
    """Replaces the name in config.json; None: not renamed."""
    tags: tuple[str, ...] = ()
    note: str = ""
    pinned: bool = False
    """True if the run is listed before all that are not pinned."""


def read_about(run: Path) -> About:
    """Return what about.json of a run directory says, sanitised; nothing if it is missing or damaged."""
    try:
        about = msgspec.convert(sanitized(msgspec.json.decode(read_bytes(run / FILE, MAX_BYTES))), About)
        check(about)
    except (OSError, ValueError, RecursionError, ConfigError, RunError):  # of msgspec as well
        return About()
    return about


def write_about(run: Path, about: About) -> None:
    """Replace about.json atomically; raises RunError."""
    try:
        with replacing(run / FILE) as temporary:
            temporary.write_bytes(msgspec.json.encode(about) + b"\n")
    except OSError as error:
        raise RunError(f"{run / FILE} cannot be written ({error.strerror}): make the folder writable") from None


def changed(about: About, **fields: Any) -> About:
    """Return a copy with other fields; raises ConfigError or RunError if one cannot be used."""
    new = msgspec.structs.replace(about, **fields)
    check(new)
    return new


def check(about: About) -> None:
    """Raise ConfigError or RunError if a name, a tag or a note cannot be used."""
    if about.name is not None and SETTINGS_BY_KEY["name"].parse(about.name, NO_CATALOGUE) != about.name:
        raise ConfigError("the name is empty or has blanks around it: give 1 to 40 letters, digits, dots or dashes")
    for tag in about.tags:
        if not re.fullmatch(TAG, tag):
            raise RunError(
                f"tag {quoted(tag)} cannot be used: give 1 to 30 letters, digits, dots, dashes, pluses or underscores"
            )
    if len(about.tags) > MAX_TAGS:
        raise RunError(f"{len(about.tags)} tags are too many: a run has at most {MAX_TAGS}")
    if len(about.note) > MAX_NOTE:
        raise RunError(f"a note of {len(about.note):,} characters is too long: write at most {MAX_NOTE}")

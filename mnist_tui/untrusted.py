"""Texts, numbers and files that anything may have changed: sanitised, bounded, never waited for."""

import errno
import os
import stat
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
"""A number of steps, images, bytes and the like: larger ones are damage, and would overflow on the way."""
Timestamp = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]
"""Seconds since 1970, up to the year 9999: the calendar has no later ones."""


def sanitize(text: str) -> str:
    """Replace the characters of external text that a terminal would obey, keeping its length.

    White space becomes a blank, anything else that is not printable (escapes, bidi overrides) a question mark.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each.isspace() else "?" for each in text)


def sanitized(value: Any) -> Any:
    """Return a decoded JSON value with all its texts sanitised."""
    if isinstance(value, str):
        return sanitize(value)
    if isinstance(value, dict):
        return {sanitize(key): sanitized(each) for key, each in value.items()}
    return [sanitized(each) for each in value] if isinstance(value, list) else value


def is_plain_json(data: bytes) -> bool:
    """Return True if lines of JSON hold printable texts only, without escapes. Fast for ASCII."""
    if b"\\" in data or b"\x7f" in data:
        return False
    return data.isascii() or data.decode(errors="surrogateescape").replace("\n", "").isprintable()


def opened(path: Path) -> BinaryIO:
    """Open a regular file for reading; raises OSError.

    A pipe or a device is not opened, because it could block, never end, or act on being opened.
    """
    return open(path, "rb", opener=_open_regular)


def _open_regular(name: str, flags: int) -> int:
    if not stat.S_ISREG(Path(name).stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", name)
    return os.open(name, flags | os.O_NONBLOCK)


def read_bytes(path: Path, most: int) -> bytes:
    """Read a regular file of at most `most` bytes; raises OSError, also if it is larger."""
    with opened(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 20} MB", str(path))
    return data

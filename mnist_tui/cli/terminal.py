"""Whether a terminal can show the screen at all, and what is done when it is gone."""

import codecs
import locale
import os
from collections.abc import Mapping
from typing import TextIO

UNFIT = ("dumb", "unknown", "")


def unsupported_reason(environment: Mapping[str, str], *, stdin: bool, stdout: bool, stderr: bool) -> str | None:
    """Why this terminal cannot show the screen, as a sentence with the mend; None when it can.

    stdin must be one (Textual spins on /dev/null); Textual draws to stderr.
    """
    plain = "use `mnist-tui train --plain`, or `mnist-tui runs` and `show`"
    for name, is_terminal in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
        if not is_terminal:
            return f"{name} is no terminal, so the screen cannot be shown: {plain}"
    term = environment.get("TERM", "")
    if term in UNFIT:
        name = term or "(unset)"
        return f"TERM={name} cannot show the screen: set TERM to what your terminal is (xterm-256color), or {plain}"
    encoding = environment.get("PYTHONIOENCODING") or locale.getpreferredencoding(False)
    if codecs.lookup(encoding.split(":")[0]).name != "utf-8":
        return f"the locale's encoding is {encoding}, which has no block characters: set LC_ALL=C.UTF-8, or {plain}"
    return None


def flush_or_drop(*streams: TextIO) -> None:
    """Write what streams hold, or drop it where nobody reads: Python's own last flush would make the status 120."""
    for stream in streams:
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

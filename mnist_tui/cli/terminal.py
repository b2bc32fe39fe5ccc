"""Checks of the terminal before the screen is shown."""

import codecs
import locale
from collections.abc import Mapping

UNSUPPORTED_TERMS = ("dumb", "unknown", "")


def unsupported_reason(environment: Mapping[str, str], *, stdin: bool, stdout: bool, stderr: bool) -> str | None:
    """Return why this terminal cannot show the screen and what to do about it; None if it can.

    Textual busy-loops if stdin is /dev/null, and draws on stderr, so that all three streams must be terminals.
    """
    plain = "use `mnist-tui train --plain`, or `mnist-tui runs` and `show`"
    for name, is_terminal in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
        if not is_terminal:
            return f"{name} is not a terminal: {plain}"
    term = environment.get("TERM", "")
    if term in UNSUPPORTED_TERMS:
        name = term or "(unset)"
        return f"TERM={name} cannot show the screen: set TERM to the type of your terminal (xterm-256color), or {plain}"
    chosen = environment.get("PYTHONIOENCODING", "").partition(":")[0]
    encoding = chosen or locale.getpreferredencoding(False)
    if codecs.lookup(encoding).name != "utf-8":
        fix = "unset PYTHONIOENCODING" if chosen else "set LC_ALL=C.UTF-8"
        return f"the encoding {encoding} has no block characters: {fix}, or {plain}"
    return None

"""Escape sequences by which a terminal draws attention to a run, also behind other windows."""

import re
from collections.abc import Mapping
from typing import Literal

from mnist_tui.preferences import Notify
from mnist_tui.untrusted import sanitize

Sign = Literal["off", "bell", "osc9", "osc777"]
TERMS: dict[str, Sign] = {
    r"(xterm-)?(kitty|ghostty)|wezterm.*": "osc9",
    r"foot.*": "osc777",
}
"""Regular expressions of TERM, which SSH passes on, for terminals that are known to show notifications."""
PROGRAMS: dict[str, Sign] = {"iTerm.app": "osc9", "iTerm2": "osc9", "WezTerm": "osc9", "ghostty": "osc9"}
"""TERM_PROGRAM or LC_TERMINAL of such terminals; SSH passes the latter on."""
LONGEST = 160
TITLE = "mnist-tui"


def sign_of(wanted: Notify, environ: Mapping[str, str], tmux_term: str = "") -> Sign:
    """Return the sign to give.

    Args:
        wanted: The user's preference.
        environ: Environment variables.
        tmux_term: TERM of the terminal that tmux runs in; empty without tmux.
    """
    if wanted != "auto":
        return wanted
    if environ.get("STY"):  # GNU screen, which passes nothing on
        return "off"
    term = tmux_term or environ.get("TERM", "")
    for pattern, sign in TERMS.items():
        if re.fullmatch(pattern, term):
            return sign
    names = (environ.get("LC_TERMINAL", ""), environ.get("TERM_PROGRAM", ""))
    return next((PROGRAMS[name] for name in names if name in PROGRAMS), "off")


def notification(text: str, sign: Sign, *, in_tmux: bool) -> str:
    """Return what to write for a text: a bell, OSC 9, OSC 777, or nothing.

    tmux hands a sequence on to its terminal if its option allow-passthrough is on, and drops it otherwise.
    """
    line = sanitize(text)[:LONGEST]
    if sign in ("off", "bell"):
        return "\a" if sign == "bell" else ""
    body = f"9;{TITLE}: {line}" if sign == "osc9" else f"777;notify;{TITLE};{line.replace(';', ',')}"
    sequence = f"\x1b]{body}\a"
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\" if in_tmux else sequence

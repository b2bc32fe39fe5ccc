"""Number of colours that a terminal shows."""

import re
import subprocess
from collections.abc import Collection, Mapping
from enum import Enum


class ColourDepth(Enum):
    """Number of colours that a terminal shows."""

    TRUECOLOR = "truecolor"
    COLOURS_256 = "256"
    COLOURS_16 = "16"
    MONOCHROME = "none"
    """Bold and reverse only."""


FORCED = {
    "truecolor": ColourDepth.TRUECOLOR,
    "256": ColourDepth.COLOURS_256,
    "standard": ColourDepth.COLOURS_16,
}
"""Textual's own setting, TEXTUAL_COLOR_SYSTEM."""
MONOCHROME_TERMS = re.compile(r"(dumb|unknown|network|emacs|sun|(vt|wy|tvi)\d.*|(adm|h19).*|.*-(m|mono))?")
TRUECOLOR_TERMS = re.compile(r"(xterm-)?(kitty|ghostty)|(alacritty|contour|foot|mintty|wezterm).*|.*-direct\d*")
TERMS_OF_16 = re.compile(r"linux.*|cons25.*|ansi.*|.*-(8|16)color")
"""Terminals that show at most 16 colours, although COLORTERM may have been inherited from another one."""


def colour_depth(environ: Mapping[str, str], tmux: Collection[str] = ()) -> ColourDepth:
    """Return the number of colours of the terminal.

    SSH passes TERM on, but not COLORTERM. GNU screen and tmux pass on the COLORTERM of the terminal in which they were
    started. GNU screen before version 5 garbles 24-bit colours; its sessions have STY. tmux turns them into the most
    similar ones of 256, unless it knows that its terminal has the feature RGB.

    Args:
        environ: Environment variables.
        tmux: Features of the terminal of tmux.
    """
    term = environ.get("TERM", "").lower()
    if environ.get("NO_COLOR") or MONOCHROME_TERMS.fullmatch(term):
        return ColourDepth.MONOCHROME
    if forced := FORCED.get(environ.get("TEXTUAL_COLOR_SYSTEM", "")):
        return forced
    if TERMS_OF_16.fullmatch(term):
        return ColourDepth.COLOURS_16
    is_tmux = bool(environ.get("TMUX")) or term.startswith("tmux")
    is_gnu_screen = bool(environ.get("STY")) or (term.startswith("screen") and not is_tmux)
    has_truecolor = environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or TRUECOLOR_TERMS.fullmatch(term)
    if has_truecolor and not is_gnu_screen and (not is_tmux or "RGB" in tmux):
        return ColourDepth.TRUECOLOR
    return ColourDepth.COLOURS_256 if has_truecolor or "256color" in term else ColourDepth.COLOURS_16


def tmux_features(environ: Mapping[str, str]) -> list[str]:
    """Ask tmux for the features of its terminal; none without tmux, or before its version 3.2."""
    return ask_tmux(environ, "#{client_termfeatures}").split(",")


def ask_tmux(environ: Mapping[str, str], question: str) -> str:
    """Return the answer of tmux to a format; empty without tmux."""
    if not environ.get("TMUX"):
        return ""
    ask = ("tmux", "display-message", "-p", question)
    try:
        return subprocess.run(ask, capture_output=True, text=True, timeout=1, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""

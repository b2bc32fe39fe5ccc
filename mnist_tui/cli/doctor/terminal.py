"""Checks of the terminal. What it can draw is asked with escape sequences, which it answers on stdin."""

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import get_args

from mnist_tui.cli.doctor.findings import Finding, Level
from mnist_tui.cli.terminal import unsupported_reason
from mnist_tui.config import ConfigError
from mnist_tui.preferences import Notify, preferences_path, read_preferences
from mnist_tui.ui.terminal.colours import ColourDepth, ask_tmux, colour_depth, tmux_features
from mnist_tui.ui.terminal.notification import sign_of

SMALLEST = (80, 24)
"""Columns and rows below which panels are folded away."""
PATIENCE = 2.0
"""Seconds to wait for the terminal's answer."""
SLOW_ROUND_TRIP, SLOW_LINE = 0.3, 20_000
"""Seconds and bytes a second from which keys and screens feel slow."""
LOAD = b"\x1b[m" * 4_000
"""12 KB that change nothing on the screen, to time the line."""
DEVICE = re.compile(rb"\x1b\[\?([\d;]*)c")
"""Answer to DEVICE_REQUEST, which every terminal gives; what came before it answers the question asked before it."""
DEVICE_REQUEST = b"\x1b[c"
MOUSE_REQUEST, MOUSE = b"\x1b[?1006$p", re.compile(rb"\x1b\[\?1006;([1-4])\$y")
KITTY_REQUEST, KITTY = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\", re.compile(rb"\x1b_Gi=31;OK")
SIXEL = "4"
"""Device attribute of terminals that draw sixel graphics."""
COLOURS = {
    ColourDepth.TRUECOLOR: "24-bit",
    ColourDepth.COLOURS_256: "256",
    ColourDepth.COLOURS_16: "16",
    ColourDepth.MONOCHROME: "none, bold and reverse only",
}
SIGNS = {"off": "none", "bell": "bell", "osc9": "OSC 9", "osc777": "OSC 777"}
MULTIPLEXERS = {"TMUX": "tmux", "STY": "GNU screen", "ZELLIJ": "Zellij"}


def terminal_findings() -> Iterator[Finding]:
    streams = {name: getattr(sys, name).isatty() for name in ("stdin", "stdout", "stderr")}
    reason = unsupported_reason(os.environ, **streams)
    if reason:
        what, _, fix = reason.partition(": ")
        yield Finding("screen", what, Level.PROBLEM if all(streams.values()) else Level.NOTE, f"{fix.capitalize()}.")
    else:
        yield Finding("screen", f"TERM={os.environ.get('TERM', '')}, UTF-8")
    yield colours(os.environ, colour_depth(os.environ, tmux_features(os.environ)))
    columns, rows = shutil.get_terminal_size()
    fits = columns >= SMALLEST[0] and rows >= SMALLEST[1]
    yield Finding(
        "size",
        f"{columns}x{rows}",
        Level.OK if fits else Level.NOTE,
        "" if fits else "All panels of a screen are shown from 80x24 on.",
    )
    yield notifications(os.environ)
    yield from multiplexers(os.environ)
    if streams["stdin"] and streams["stdout"]:
        yield from _answers()
    else:
        yield Finding("mouse, graphics", "not asked, as stdin and stdout are no terminal")


def colours(environ: Mapping[str, str], depth: ColourDepth) -> Finding:
    """Return the number of colours, and how to have more if the terminal probably shows them."""
    if depth is ColourDepth.TRUECOLOR or environ.get("NO_COLOR"):
        return Finding("colours", COLOURS[depth])
    fix = "If your terminal shows 24-bit colours, set COLORTERM=truecolor; SSH does not pass it on."
    if environ.get("TMUX"):
        fix = "If your terminal shows 24-bit colours, run tmux set -as terminal-features ',*:RGB' and attach again."
    elif environ.get("STY"):
        fix = "GNU screen shows 24-bit colours from version 5 on; tmux does."
    return Finding("colours", COLOURS[depth], Level.NOTE, fix)


def notifications(environ: Mapping[str, str]) -> Finding:
    """Return the sign that the terminal gives when a run ends or breaks, and where the user chooses another."""
    try:
        sign = sign_of(read_preferences().notify, environ, ask_tmux(environ, "#{client_termname}"))
    except ConfigError as error:
        return Finding("notifications", "none", Level.PROBLEM, f"{error}.")
    choices = ", ".join(get_args(Notify))
    return Finding("notifications", f"{SIGNS[sign]}; notify = {choices} in {preferences_path()}")


def multiplexers(environ: Mapping[str, str]) -> Iterator[Finding]:
    for variable, name in MULTIPLEXERS.items():
        if not environ.get(variable):
            continue
        value = name
        if name == "tmux":
            value += f", allow-passthrough {_tmux_option('allow-passthrough') or 'unknown'}"
        yield Finding("multiplexer", value)
    if environ.get("SSH_CONNECTION"):
        yield Finding("connection", "SSH")


def _tmux_option(name: str) -> str:
    try:
        asked = subprocess.run(
            ("tmux", "show-options", "-gv", name), capture_output=True, text=True, timeout=1, check=False
        )
        return asked.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _answers() -> Iterator[Finding]:
    """Ask the terminal what it can do, and time its answers."""
    import termios
    import tty

    before = termios.tcgetattr(0)
    try:
        tty.setcbreak(0, termios.TCSAFLUSH)
        replies = [ask(request) for request in (b"", MOUSE_REQUEST, KITTY_REQUEST, LOAD)]
    finally:
        termios.tcsetattr(0, termios.TCSAFLUSH, before)
    plain, mouse, kitty, load = replies
    if plain is None or mouse is None or kitty is None or load is None:
        yield Finding(
            "answers",
            f"none within {PATIENCE:g} s",
            Level.NOTE,
            "The terminal or a program in between drops queries; screens work without them.",
        )
        return
    has_mouse = MOUSE.search(mouse[0]) is not None
    yield Finding("mouse", "yes" if has_mouse else "not reported: every action has a key")
    attributes = DEVICE.search(plain[0])
    graphics = ["kitty"] if KITTY.search(kitty[0]) else []
    graphics += ["sixel"] if attributes and SIXEL in attributes[1].decode().split(";") else []
    yield Finding("graphics", " and ".join(graphics) or "none: images are drawn with half blocks")
    seconds = plain[1]
    is_slow = seconds > SLOW_ROUND_TRIP
    yield Finding(
        "round trip",
        f"{1_000 * seconds:.0f} ms",
        Level.NOTE if is_slow else Level.OK,
        "Keys take this long to show; mosh hides some of it." if is_slow else "",
    )
    rate = len(LOAD) / max(load[1] - seconds, 1e-3)
    yield Finding(
        "speed of the line",
        f"at least {rate / 1_000:,.0f} KB/s",
        Level.NOTE if rate < SLOW_LINE else Level.OK,
        "Opening a screen takes about 10 KB; a smaller terminal needs less." if rate < SLOW_LINE else "",
    )


def ask(request: bytes) -> tuple[bytes, float] | None:
    """Send a request, and return the terminal's answer and the seconds it took; None if there is none in time."""
    start = time.monotonic()
    os.write(1, request + DEVICE_REQUEST)
    reply = b""
    while (left := start + PATIENCE - time.monotonic()) > 0:
        if not select.select([0], [], [], left)[0]:
            break
        reply += os.read(0, 1_024)
        if DEVICE.search(reply):
            return reply, time.monotonic() - start
    return None

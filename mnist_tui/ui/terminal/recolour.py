"""Terminal output in the colours of the terminal."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from rich.color import Color, ColorSystem
from rich.palette import Palette
from textual.app import App

from mnist_tui.ui.terminal.colours import ColourDepth
from mnist_tui.ui.terminal.pens import PLAIN, Pen, change, pen_of

RGB = tuple[int, int, int]
SGR = re.compile(r"\x1b\[([\d;]+)m")
REVERSE = "7"
XTERM_COLOURS: tuple[RGB, ...] = (
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (85, 85, 85),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
)
"""The first 16 colours of xterm; bright black is darker on most terminals. They serve only to compare colours."""


SAME_EVERYWHERE = range(16, 256)
"""Numbers of colours that all terminals of 256 colours show alike."""


def send_truecolor(app: App[Any]) -> None:
    """Make Textual write 24-bit colours, whatever it detects. This sets a private attribute of Rich's console."""
    app.console._color_system = ColorSystem.TRUECOLOR


def rgb_of(number: int) -> RGB:
    """Return a numbered colour, 0 to 255; those from 16 on are the same on all terminals."""
    return XTERM_COLOURS[number] if number < len(XTERM_COLOURS) else Color.from_ansi(number).get_truecolor()


def recolour(depth: ColourDepth, numbers: Iterable[int]) -> Callable[[str], str]:
    """Return a function that replaces the 24-bit colours in terminal output.

    Args:
        depth: Colours of the terminal.
        numbers: Colours to use. Those of the theme are among them, and blends of these become the most similar ones.
            Of 256 colours, all those that are the same on all terminals keep their numbers: RGB images use them.
    """
    if depth is ColourDepth.TRUECOLOR:
        return lambda data: data
    allowed = sorted(numbers)
    palette = Palette([rgb_of(number) for number in allowed])
    exact = {rgb_of(number): number for number in SAME_EVERYWHERE} if depth is ColourDepth.COLOURS_256 else {}

    def number_of(colour: str) -> int | None:
        kind, _, rgb = colour.partition(";2;")
        if kind not in ("38", "48") or not rgb:
            return None
        red, green, blue = map(int, rgb.split(";"))
        found = exact.get((red, green, blue))
        return allowed[palette.match((red, green, blue))] if found is None else found

    @lru_cache(maxsize=8192)
    def replaced(parameters: str) -> str:
        pen = pen_of(parameters)
        if pen is None or pen == PLAIN:
            return f"\x1b[{parameters}m"
        front, behind = number_of(pen.colour), number_of(pen.behind)
        if depth is ColourDepth.MONOCHROME:
            return change(PLAIN, Pen(switches=pen.switches | ({REVERSE} if behind == max(allowed) else set())))
        colour = pen.colour if front is None else _sgr(front, 30, depth)
        return change(PLAIN, Pen(colour, pen.behind if behind is None else _sgr(behind, 40, depth), pen.switches))

    return lambda data: SGR.sub(lambda match: replaced(match[1]), data)


def _sgr(number: int, base: int, depth: ColourDepth) -> str:
    """Return the SGR parameters of a numbered colour; `base` is 30 for letters, 40 for what is behind them."""
    if depth is ColourDepth.COLOURS_256:
        return f"{base + 8};5;{number}"
    return str(base + number if number < 8 else base + 60 + number - 8)

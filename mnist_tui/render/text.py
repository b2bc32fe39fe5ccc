"""Formatting of numbers, times and bars, the same on every screen."""

import math
from collections.abc import Sequence
from typing import Literal

from mnist_tui.untrusted import sanitize as sanitize

CENTURY = 100 * 365 * 86_400.0
"""Seconds."""
MOST_SHARES = 1e4
"""Fraction from which on digits would fill the line."""
PIN = "▲ "
"""Precedes the name of a pinned run."""
EIGHTHS = " ▏▎▍▌▋▊▉█"


def duration(seconds: float | None) -> str:
    """Format seconds as 02:14 or 1:02:14; None, numbers that are not finite and centuries give dashes."""
    if seconds is None or not abs(seconds) < CENTURY:
        return "--:--"
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"


def bar(fraction: float, width: int) -> str:
    """Draw a bar of eighths of a cell, padded to `width` cells."""
    eighths = round(min(1.0, max(0.0, fraction)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else ""))[:width].ljust(width)


def rule_bar(fraction: float, width: int) -> str:
    """Draw a thin bar of half cells, padded to `width` cells; bars on neighbouring lines stay apart."""
    return thin_bar(fraction, width)[0].ljust(width)


def thin_bar(fraction: float, width: int) -> tuple[str, str]:
    """Draw a line of `width` cells in two parts, the done one in half cells, and the rest."""
    halves = round(min(1.0, max(0.0, fraction)) * width * 2)
    done = "━" * (halves // 2) + ("╸" if halves % 2 else "")
    return done, "━" * (width - len(done))


def shape(output_shape: tuple[int, ...]) -> str:
    """Format a shape as 28×28×64, a flat one with thousands separators."""
    return f"{output_shape[0]:,}" if len(output_shape) == 1 else "×".join(str(axis) for axis in output_shape)


def figure(value: float, digits: int = 3) -> str:
    """Format a number with some significant digits; with three in at most 8 cells."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value)
    if size and not 1e-3 <= size < 1e5:
        text = f"{size:.1e}"
    else:
        text = f"{size:.{digits}g}" if size < 10**digits else f"{size:.0f}"
    return f"−{text}" if value < 0 else text


def percent(fraction: float | None, digits: int = 2) -> str:
    """Format a fraction as 99.29 %, one that is far from any share as 1e+300 %, None and NaN as a dash."""
    if fraction is None or fraction != fraction:
        return "–"
    return f"{fraction * 100:.{digits}f} %" if abs(fraction) < MOST_SHARES else f"{fraction * 100:.0e} %"


def test_results(accuracies: Sequence[float]) -> str:
    """Format the accuracy of the first test, and that of the newest one if there are several."""
    if not accuracies:
        return percent(None)
    return percent(accuracies[0]) + (f", again {percent(accuracies[-1])}" if len(accuracies) > 1 else "")


def run_count(runs: int) -> str:
    """Format a number of runs as 1 run or 1,200 runs."""
    return "1 run" if runs == 1 else f"{runs:,} runs"


def data_size(count: float) -> str:
    """Format a number of bytes as 812 kB, 3.4 MB or 12 GB."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.0f} GB" if count >= 10 else f"{count:.1f} GB"


def watt_hours(value: float | None, *, at_least: bool = False) -> str:
    """Format watt-hours as 1.23 Wh or, if more may have been used, ≥ 1.23 Wh; None as N/A."""
    return "N/A" if value is None else f"{'≥ ' if at_least else ''}{figure(value)} Wh"


def joules(value: float | None) -> str:
    """Format joules as 1.23 J or 12.3 mJ; None as N/A."""
    if value is None:
        return "N/A"
    return f"{figure(value)} J" if value >= 1 else f"{figure(value * 1e3)} mJ"


def clip_parts(text: str, width: int, separator: str = " · ") -> str:
    """Drop the last parts that do not fit into `width` cells, so that no number is cut."""
    while cell_len(text) > width and separator in text:
        text = text.rpartition(separator)[0]
    return clip(text, width)


def cell_len(text: str) -> int:
    """Return the terminal cells of a text; letters of some scripts, and emoji, take two."""
    if text.isascii():
        return len(text)
    from rich import cells  # late: commands that print ASCII only do without Rich

    return cells.cell_len(text)


def clip(text: str, width: int) -> str:
    """Shorten text to `width` terminal cells, with an ellipsis at the cut."""
    if cell_len(text) <= width:
        return text
    kept = text[: max(0, width)]
    while kept and cell_len(kept) >= width:
        kept = kept[:-1]
    return kept + "…" if width > 0 else ""


def padded(text: str, width: int, align: Literal["left", "center", "right"] = "left") -> str:
    """Clip text to `width` terminal cells, or pad it with blanks."""
    text = clip(text, width)
    blank = max(0, width - cell_len(text))
    if align == "center":  # as str.center does
        left = blank // 2 + (blank & width & 1)
        return " " * left + text + " " * (blank - left)
    return text + " " * blank if align == "left" else " " * blank + text


def clip_pair(first: str, second: str, room: int) -> tuple[str, str]:
    """Clip the longer of two texts, or both, so that together they fit into `room` terminal cells."""
    lengths = cell_len(first), cell_len(second)
    if sum(lengths) <= room:
        return first, second
    most = max(room // 2, room - min(lengths))
    return clip(first, most), clip(second, most)


def widest(texts: Sequence[str]) -> int:
    """Return the terminal cells of the widest text; 0 without any."""
    return max(map(cell_len, texts), default=0)

"""Numbers and times as words of fixed width: the one place that decides how they read."""

import math

EIGHTHS = " ▏▎▍▌▋▊▉█"


def duration(seconds: float | None) -> str:
    """02:14, or 1:02:14 from an hour on; dashes while it cannot be known."""
    if seconds is None or not math.isfinite(seconds):
        return "--:--"
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"


def bar(fraction: float, width: int) -> str:
    """A bar of eighths of a cell, always `width` cells long."""
    eighths = round(min(1.0, max(0.0, fraction)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else ""))[:width].ljust(width)


def rule_bar(fraction: float, width: int) -> str:
    """A thin bar of half cells, always `width` cells long: bars on neighbouring lines stay apart."""
    halves = round(min(1.0, max(0.0, fraction)) * width * 2)
    return ("━" * (halves // 2) + "╸" * (halves % 2)).ljust(width)


def thin_bar(fraction: float, width: int) -> tuple[str, str]:
    """A line of half cells in two parts, done and to do, together `width` cells long."""
    halves = round(min(1.0, max(0.0, fraction)) * width * 2)
    done = "━" * (halves // 2) + ("╸" if halves % 2 else "")
    return done, "━" * (width - len(done))


def shape(output_shape: tuple[int, ...]) -> str:
    """28×28×64; a flat shape with thousands separators."""
    return f"{output_shape[0]:,}" if len(output_shape) == 1 else "×".join(str(axis) for axis in output_shape)


def percent(fraction: float | None, digits: int = 2) -> str:
    """99.29 %; a dash where there is none."""
    return "–" if fraction is None else f"{fraction * 100:.{digits}f} %"


def clip_parts(text: str, width: int, separator: str = " · ") -> str:
    """Text of at most `width` characters: without its last parts where they do not fit, so that no number is cut."""
    while len(text) > width and separator in text:
        text = text.rpartition(separator)[0]
    return clip(text, width)


def clip(text: str, width: int) -> str:
    """Text of at most `width` characters, with an ellipsis where it was cut."""
    return text if len(text) <= width else (text[: max(0, width - 1)] + "…")[:width]


def sanitize(text: str) -> str:
    """What came from outside (a file, the engine, a name), safe for a terminal: control characters cannot act.

    As long as before: blanks of all kinds become a space, and what does not show (escapes, bidi overrides) a `?`.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each.isspace() else "?" for each in text)

"""Colours and attributes of terminal cells, and the shortest sequences that set them. Pure.

A pen is what SGR sequences (`ESC [ 1 ; 38 ; 2 ; ... m`) set: ECMA-48, 8.3.117.
"""

from functools import lru_cache
from typing import NamedTuple

UNSEEN = frozenset({"1", "2", "3"})
"""Bold, dim and italic are invisible on a blank."""
FINAL = "m"


class Pen(NamedTuple):
    """Colours as SGR parameters (empty: the terminal's own), and attributes that are on."""

    colour: str = ""
    behind: str = ""
    switches: frozenset[str] = frozenset()


PLAIN = Pen()


@lru_cache(maxsize=4096)
def pen_of(parameters: str) -> Pen | None:
    """Return the pen that an SGR sequence sets after a reset; None if it has an unknown parameter."""
    colour = behind = ""
    switches: set[str] = set()
    parts = parameters.split(";") if parameters else []
    while parts:
        part = parts.pop(0)
        number = int(part) if part else 0
        if number == 0:
            colour = behind = ""
            switches.clear()
        elif number in (38, 48):
            count = {"2": 4, "5": 2}.get(parts[0] if parts else "", 0)
            if not count or len(parts) < count:
                return None
            mixed = ";".join([part, *parts[:count]])
            del parts[:count]
            colour, behind = (mixed, behind) if number == 38 else (colour, mixed)
        elif 1 <= number <= 9:
            switches.add(part)
        elif 30 <= number <= 37 or 90 <= number <= 97:
            colour = part
        elif 40 <= number <= 47 or 100 <= number <= 107:
            behind = part
        else:
            return None
    return Pen(colour, behind, frozenset(switches))


@lru_cache(maxsize=4096)
def on_blank(pen: Pen) -> Pen:
    return Pen(behind=pen.behind) if pen.switches <= UNSEEN else pen


@lru_cache(maxsize=4096)
def for_blank(held: Pen, wanted: Pen) -> Pen:
    """Return the pen nearest to the current one with which a blank looks as wanted."""
    return held._replace(behind=wanted.behind) if (held.switches | wanted.switches) <= UNSEEN else wanted


@lru_cache(maxsize=8192)
def change(held: Pen, wanted: Pen) -> str:
    """Return the shortest sequence from one pen to another; empty if they are equal."""
    if held == wanted:
        return ""
    anew = [*sorted(wanted.switches), *filter(None, (wanted.colour, wanted.behind))]
    whole = ";".join(["0", *anew]) if anew else ""
    gone = held.switches - wanted.switches
    if gone - {"1"} or (gone and "2" in wanted.switches):  # 22 switches bold off, and dim with it
        return f"\x1b[{whole}{FINAL}"
    parts = (["22"] if gone else []) + sorted(wanted.switches - held.switches)
    if held.colour != wanted.colour:
        parts.append(wanted.colour or "39")
    if held.behind != wanted.behind:
        parts.append(wanted.behind or "49")
    return f"\x1b[{min(';'.join(parts), whole, key=len)}{FINAL}"

"""Columns of a table that has less room than it needs: whole columns are left out, so that no number is cut."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len


@dataclass(frozen=True)
class Column:
    """A column of a table; if not all fit, those of the highest `rank` are left out."""

    heading: str
    rank: int
    is_number: bool = False


def column_widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column's longest text."""
    return [
        max(map(cell_len, (column.heading, *(cells[place] for cells in rows)))) for place, column in enumerate(columns)
    ]


def columns_that_fit(columns: Sequence[Column], widths: Sequence[int], room: int, gap: int) -> list[int]:
    """Return the positions of the columns that fit, from left to right; at least the first by rank.

    Args:
        columns: All columns.
        widths: Their widths.
        room: Width of the table.
        gap: Blanks that each column takes in addition.
    """
    shown: list[int] = []
    for place in sorted(range(len(columns)), key=lambda place: columns[place].rank):
        room -= widths[place] + gap
        if room < 0 and shown:
            break
        shown.append(place)
    return sorted(shown)

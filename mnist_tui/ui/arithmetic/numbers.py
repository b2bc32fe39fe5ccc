"""Numbers of a calculation as text: in columns with equal decimals, with colours for their signs, and as bars."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text

from mnist_tui.render.text import figure, rule_bar, widest
from mnist_tui.ui.theme import Palette

Array = NDArray[np.floating]
PADDING = "·"
"""Stands for a cell outside of the map."""
LAYOUTS = ((3, 2, 5), (3, 1, 3), (2, 1, 3), (3, 2, 0), (3, 1, 0), (2, 1, 0))
"""Significant digits, blanks between numbers, and columns of a sign between arrays, in the order they are tried.

Without columns for a sign, arrays are one below the other.
"""
AROUND = 2
"""Cells on each side of a cell that are shown around it."""


def decimals_of(values: Array, digits: int) -> int:
    """Return how many decimals give the largest of some values `digits` significant ones: 0 to 6."""
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    return min(6, max(0, digits - 1 - math.floor(math.log10(largest)))) if largest else digits - 1


def formatted(values: Array, digits: int = 3) -> list[str]:
    """Return values with equal decimals, the largest with `digits` significant ones; NaN as the sign for padding."""
    decimals = decimals_of(values, digits)
    if float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) >= 1e6:
        return [PADDING if math.isnan(value) else figure(value) for value in values.ravel().tolist()]
    return [
        PADDING if math.isnan(value) else f"{value + 0.0:.{decimals}f}".replace("-", "−").replace("inf", "∞")
        for value in np.round(values.ravel(), decimals).tolist()
    ]


def sign_style(value: float, colours: Palette) -> Style:
    """Return the colour of a value's sign; quiet for 0 and padding."""
    if not value or math.isnan(value):
        return Style(color=colours.quiet.rich_color)
    red, green, blue = (colours.positive if value > 0 else colours.negative)[-1]
    return Style(color=f"#{red:02x}{green:02x}{blue:02x}")


def grid(
    values: Array, colours: Palette, *, marked: tuple[int, int] | None = None, digits: int = 3, gap: int = 2
) -> list[Text]:
    """Return a line for each row of values (height, width), right-aligned; `marked` is a cell to emphasise."""
    texts = np.array(formatted(values, digits), dtype=object).reshape(values.shape)
    width = widest(texts.ravel().tolist())
    lines = []
    for y, row in enumerate(texts):
        line = Text()
        for x, text in enumerate(row):
            style = sign_style(float(values[y, x]), colours)
            line.append(" " * gap if x else "")
            line.append(text.rjust(width), style + Style(bold=True, reverse=True) if (y, x) == marked else style)
        lines.append(line)
    return lines


def side_by_side(arrays: Mapping[str, Array], joins: Sequence[str], width: int, colours: Palette) -> list[Text]:
    """Draw arrays of one shape with a sign between them, with fewer digits or one below the other if need be.

    Args:
        arrays: Values (height, width) by their heading.
        joins: Signs between the arrays, one fewer.
        width: Columns.
        colours: Colours of the signs.
    """
    signs = ["", *joins]
    for digits, gap, between in LAYOUTS:
        blocks = [(name, grid(values, colours, digits=digits, gap=gap)) for name, values in arrays.items()]
        sizes = [max(len(heading), *(line.cell_len for line in lines)) for heading, lines in blocks]
        if (sum(sizes) + between * len(joins) if between else max(sizes)) <= width:
            break
    if not between:
        stacked: list[Text] = []
        for sign, (heading, lines) in zip(signs, blocks, strict=True):
            stacked += [Text(f"{sign} {heading}".strip(), "italic"), *lines]
        return stacked
    joined = [Text() for _ in range(1 + len(blocks[0][1]))]
    middle = 1 + (len(blocks[0][1]) - 1) // 2
    for sign, size, (heading, lines) in zip(signs, sizes, blocks, strict=True):
        for place, line in enumerate(joined):
            if sign:
                line.append((sign if place == middle else "").center(between), "bold")
            part = Text(heading, "italic") if not place else lines[place - 1].copy()
            part.pad_right(size - part.cell_len)
            line.append_text(part)
    return joined


def signed_bars(rows: Sequence[tuple[str, float]], width: int, colours: Palette) -> list[Text]:
    """Return a line for each value: its name, a bar as long as its magnitude, and the value with its sign."""
    if not rows:
        return []
    numbers = formatted(np.array([value for _, value in rows]))
    names, figures = widest([name for name, _ in rows]), widest(numbers)
    largest = max(abs(value) for _, value in rows) or 1.0
    room = max(3, min(40, width - names - figures - 4))
    lines = []
    for (name, value), number in zip(rows, numbers, strict=True):
        style = sign_style(value, colours)
        bar = rule_bar(abs(value) / largest, room)
        lines.append(Text.assemble(name.rjust(names), "  ", (bar, style), "  ", (number.rjust(figures), style)))
    return lines


def table(rows: Sequence[Sequence[str]]) -> list[Text]:
    """Return rows of texts in columns: the first one left-aligned, the others right-aligned."""
    columns = [widest(column) for column in zip(*rows, strict=True)]
    return [
        Text("  ".join(text.rjust(size) if place else text.ljust(size) for place, (text, size) in enumerate(cells)))
        for cells in (zip(row, columns, strict=True) for row in rows)
    ]


def surroundings(values: Array, cell: tuple[int, ...]) -> Array:
    """Return the values around a cell, (rows, columns), in its channel; of a vector, one row."""
    if values.ndim == 1:
        values, cell = values[None, :, None], (0, cell[0], 0)
    elif values.ndim == 2:
        values, cell = values[..., None], (*cell, 0)
    row, column, channel = cell[-3:]
    for place in cell[:-3]:
        values = values[place]
    plane = values[..., channel]
    top, left = max(0, row - AROUND), max(0, column - AROUND)
    around: Array = plane[top : row + AROUND + 1, left : column + AROUND + 1]
    return around

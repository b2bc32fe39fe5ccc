"""The curve of an activation, with the point of a cell on it."""

import math

import numpy as np
from rich.text import Text

from mnist_tui.analysis.arithmetic.activations import Activation
from mnist_tui.render.raster import BLANK, line_cells, point_cells
from mnist_tui.render.text import figure
from mnist_tui.ui.theme import Palette

COLUMNS, ROWS = 48, 11
LABEL = 9
"""Columns of the numbers at the y axis."""
REACH = 3.0
"""Distance from 0 on the x axis, at least."""
POINT = "●"


def curve(activation: Activation, before: float, width: int, colours: Palette) -> list[Text]:
    """Draw output over input in at most `width` columns, around 0 and as far as the input of the cell."""
    columns = max(8, min(COLUMNS, width - LABEL))
    reach = max(REACH, 1.2 * abs(before)) if math.isfinite(before) else REACH
    x = np.linspace(-reach, reach, 4 * columns)
    y = np.array([activation(each) for each in x.tolist()])
    y[~np.isfinite(y)] = np.nan
    low, high = min(0.0, float(np.nanmin(y))), max(1.0, float(np.nanmax(y)))
    point = np.array([before]), np.array([activation(before)])
    span = high - low
    drawn = line_cells((x + reach) / (2 * reach), (y - low) / span, columns, ROWS)
    marks = point_cells((point[0] + reach) / (2 * reach), (point[1] - low) / span, columns, ROWS, POINT)
    quiet = colours.quiet.hex
    lines = [Text(f"{activation.name}: output over input", "italic")]
    for number, (cells, marked) in enumerate(zip(drawn.tolist(), marks.tolist(), strict=True)):
        label = figure(high) if number == 0 else figure(low) if number == ROWS - 1 else ""
        line = Text(f"{label:>{LABEL - 1}} ", quiet)
        for cell, mark in zip(cells, marked, strict=True):
            if mark != BLANK:
                line.append(POINT, f"bold {colours.accent.hex}")
            else:
                line.append(" " if cell == BLANK else chr(cell), colours.foreground.hex)
        lines.append(line)
    left, right = figure(-reach), figure(reach)
    middle = columns // 2
    axis = f"{left:<{middle}}0".ljust(columns - len(right)) + right
    return [*lines, Text(" " * LABEL + axis, quiet)]

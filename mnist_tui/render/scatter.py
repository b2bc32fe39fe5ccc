"""Points of several classes as terminal cells, one sign a cell; misclassified points lie on top."""

from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np
from numpy.typing import NDArray

SIGNS = digits + ascii_lowercase + ascii_uppercase
OTHER_SIGN = "•"
"""Sign of the classes beyond those that letters and digits can name."""

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class ScatterCells:
    """The contents of each cell, all of shape (rows, columns), and the cell of each point."""

    counts: Ints
    """Number of points."""
    classes: Ints
    """Class to draw: of a misclassified point if there is one, else the most frequent; -1 in an empty cell."""
    wrong: Ints
    """Number of misclassified points."""
    places: Ints
    """Cell of each point, shape (n,), counted row by row from the top left."""


def scatter_cells(points: Floats, classes: Ints, wrong: NDArray[np.bool_], columns: int, rows: int) -> ScatterCells:
    """Sort points into cells; the area that they cover fills all cells.

    Args:
        points: Shape (n, 2), y upwards.
        classes: Class of each point.
        wrong: True for misclassified points.
        columns, rows: Size of the canvas, at least 1 each.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    shares = (points - low) / np.where(high > low, high - low, 1)
    shares = np.where(high > low, shares, 0.5)
    across = np.minimum((shares[:, 0] * columns).astype(np.intp), columns - 1)
    down = np.minimum(((1 - shares[:, 1]) * rows).astype(np.intp), rows - 1)
    places, count = down * columns + across, columns * rows
    kinds = int(classes.max(initial=0)) + 1
    by_class = np.bincount(places * kinds + classes, minlength=count * kinds).reshape(count, kinds)
    mistakes = np.bincount(places[wrong] * kinds + classes[wrong], minlength=count * kinds).reshape(count, kinds)
    counts, errors = by_class.sum(axis=1), mistakes.sum(axis=1)
    drawn = np.where(errors > 0, mistakes.argmax(axis=1), by_class.argmax(axis=1))
    drawn[counts == 0] = -1
    shape = (rows, columns)
    return ScatterCells(counts.reshape(shape), drawn.reshape(shape), errors.reshape(shape), places)


def class_signs(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return one character for each class: its name, its initial, or its number where initials are not unique."""
    initials = tuple(name[:1] for name in names)
    if len(set(initials)) == len(names) and all(each.isascii() and each.isalnum() for each in initials):
        return initials
    return tuple(SIGNS[number] if number < len(SIGNS) else OTHER_SIGN for number in range(len(names)))

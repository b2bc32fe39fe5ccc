"""Braille lines, compared dot by dot."""

import numpy as np
import pytest

from mnist_tui.render.raster import BLANK, DOT_BITS, line_cells, point_cells

NAN = float("nan")


def dots(x: list[float], y: list[float], columns: int = 3, rows: int = 1) -> list[str]:
    """Return every dot as # or ., the highest first."""
    cells = line_cells(np.array(x), np.array(y), columns, rows)
    assert cells.shape == (rows, columns)
    return ["".join("#" if cell & bit else "." for cell in row for bit in pair) for row in cells for pair in DOT_BITS]


@pytest.mark.parametrize(
    ("x", "y", "shown"),
    [
        ([0, 1], [0, 1], [".....#", "...##.", ".##...", "#....."]),
        ([0, 1], [1, 1], ["######", "......", "......", "......"]),
        ([0, 0.4, 0.4, 1], [1, 1, 0, 0], ["###...", "..#...", "..#...", "..####"]),
        ([0.6, 1], [0, NAN], ["......", "......", "......", "...#.."]),
        ([0, 0.2, 0.4, 0.6, 1], [0, 0, NAN, 0, 0], ["......", "......", "......", "##.###"]),
        ([0, 0.4, 1], [NAN, 1, NAN], ["..#...", "......", "......", "......"]),
        ([NAN], [0], ["......"] * 4),
        ([], [], ["......"] * 4),
    ],
    ids=["rising", "flat", "steep", "gap at the end", "gap", "lone point", "no x", "empty"],
)
def test_points_are_joined_except_across_gaps(x: list[float], y: list[float], shown: list[str]) -> None:
    assert dots(x, y) == shown


@pytest.mark.parametrize("x", [0.0, 0.13, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("y", [0.0, 0.4, 1.0])
def test_a_point_is_in_the_cell_of_its_dot(x: float, y: float) -> None:
    dot = line_cells(np.array([x]), np.array([y]), 17, 6)
    point = point_cells(np.array([x, NAN]), np.array([y, 0.0]), 17, 6, "●")
    assert (point[dot != BLANK] == ord("●")).all()
    assert (point != BLANK).sum() == (dot != BLANK).sum() == 1

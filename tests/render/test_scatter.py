"""Points in terminal cells."""

import numpy as np
import pytest

from mnist_tui.render.scatter import class_signs, scatter_cells


def test_points_fill_the_cells_and_the_most_frequent_class_is_drawn() -> None:
    points = np.array([[0, 0], [0, 0], [0, 0], [10, 4], [10, 0]], np.float32)
    classes = np.array([1, 1, 2, 0, 3])
    cells = scatter_cells(points, classes, np.zeros(5, bool), 5, 3)
    assert cells.counts.tolist() == [[0, 0, 0, 0, 1], [0] * 5, [3, 0, 0, 0, 1]]
    assert cells.classes.tolist() == [[-1, -1, -1, -1, 0], [-1] * 5, [1, -1, -1, -1, 3]]
    assert cells.places.tolist() == [10, 10, 10, 4, 14]


def test_a_misclassified_point_lies_on_top() -> None:
    points, classes = np.zeros((4, 2), np.float32), np.array([1, 1, 1, 2])
    cells = scatter_cells(points, classes, np.array([False, False, False, True]), 4, 2)
    assert cells.counts.sum() == 4
    assert (cells.classes.max(), cells.wrong.max()) == (2, 1)


@pytest.mark.parametrize("count", [1, 2])
def test_points_without_a_range_are_in_the_middle(count: int) -> None:
    cells = scatter_cells(np.full((count, 2), 7, np.float32), np.zeros(count, int), np.zeros(count, bool), 9, 3)
    assert cells.counts[1, 4] == count


@pytest.mark.parametrize(
    ("names", "signs"),
    [
        (("0", "1", "2"), ("0", "1", "2")),
        (("cat", "dog"), ("c", "d")),
        (("cat", "car", "dog"), ("0", "1", "2")),
        (("猫", "犬"), ("0", "1")),
    ],
)
def test_signs_of_classes(names: tuple[str, ...], signs: tuple[str, ...]) -> None:
    assert class_signs(names) == signs


def test_many_classes_have_a_sign_each() -> None:
    signs = class_signs(tuple(f"class {number}" for number in range(100)))
    assert len(set(signs[:62])) == 62
    assert set(signs[62:]) == {"•"}

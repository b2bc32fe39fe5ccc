"""Strokes: where ink goes, how it is erased, and what undo brings back."""

import numpy as np
import pytest

from mnist_tui.analysis.strokes import Drawing, Image, Pen, Point, coverage

SHAPES = [(28, 28), (8, 8), (96, 96), (32, 24)]
PEN, ERASER = Pen(2.2), Pen(2.2, erases=True)


def stroke(drawing: Drawing, *points: Point, pen: Pen = PEN) -> Image:
    drawing.begin(points[0], pen)
    for point in points[1:]:
        drawing.extend(point)
    drawing.end()
    return drawing.image


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_stroke_covers_its_width_with_soft_edges(shape: tuple[int, int]) -> None:
    column = coverage(shape, ((0.0, 4.0), (float(shape[1]), 4.0)), 2.0)[:, shape[1] // 2]
    assert column[:8].tolist() == [0, 0, 0, 255, 255, 0, 0, 0]
    column = coverage(shape, ((0.0, 4.5), (float(shape[1]), 4.5)), 2.0)[:, shape[1] // 2]
    assert column[:8].tolist() == [0, 0, 0, 128, 255, 128, 0, 0]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_fast_drags_leave_no_gap(shape: tuple[int, int]) -> None:
    height, width = shape
    image = stroke(Drawing(shape), (1.0, 1.0), (width - 1.0, height - 1.0))
    assert (image.max(axis=1)[1:-1] > 127).all()
    assert (image.max(axis=0)[1:-1] > 127).all()


def test_coarse_positions_become_a_smooth_line() -> None:
    stairs = [(x + 0.5, y + 0.5) for step in range(4, 20) for x, y in ((step, step), (step + 1, step))]
    image = stroke(Drawing((28, 28)), *stairs).astype(float)
    straight = stroke(Drawing((28, 28)), stairs[0], stairs[-1]).astype(float)
    assert np.abs(image - straight).max() < 128


def test_strokes_outside_of_the_image_change_nothing_within() -> None:
    assert not stroke(Drawing((28, 28)), (-9.0, -9.0), (40.0, -9.0), (90.0, 90.0)).any()


def test_the_eraser_takes_ink_away_and_never_adds_any() -> None:
    drawing = Drawing((28, 28))
    before = stroke(drawing, (4.0, 14.0), (24.0, 14.0))
    after = stroke(drawing, (14.0, 4.0), (14.0, 24.0), pen=ERASER)
    assert not after[:, 13:15].any()
    assert (after <= before).all()
    assert np.array_equal(after[:, :10], before[:, :10])


def test_undo_and_redo_go_stroke_by_stroke() -> None:
    drawing = Drawing((28, 28))
    images = [drawing.image, stroke(drawing, (4, 4), (20, 4)), stroke(drawing, (4, 9), (20, 9))]
    drawing.invert()
    images.append(drawing.image)
    drawing.clear()
    for image in reversed(images):
        drawing.undo()
        assert np.array_equal(drawing.image, image)
    assert not drawing.can_undo
    for image in images[1:]:
        drawing.redo()
        assert np.array_equal(drawing.image, image)
    stroke(drawing, (1, 1))
    assert not drawing.can_redo


def test_undo_in_the_middle_of_a_stroke_takes_all_of_it() -> None:
    drawing = Drawing((28, 28))
    drawing.begin((4, 4), PEN)
    drawing.extend((20, 20))
    drawing.undo()
    drawing.extend((9, 9))
    assert not drawing.image.any()

"""Drawings as MNIST would see them."""

import numpy as np
import pytest

from mnist_tui.analysis.centring import as_mnist
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.strokes import Drawing, Image, Pen
from tests.kit.recording import RECORDING


def seven(shape: tuple[int, int], scale: float, right: float = 0.0, down: float = 0.0) -> Image:
    drawing = Drawing(shape)
    points = [(right + x * scale, down + y * scale) for x, y in ((3, 3), (11, 3), (6, 14))]
    drawing.begin(points[0], Pen(2.2 * scale))
    for point in points[1:]:
        drawing.extend(point)
    return drawing.image


@pytest.mark.parametrize(("shape", "scale"), [((28, 28), 1.0), ((56, 56), 2.0), ((40, 28), 1.0), ((28, 40), 1.0)])
def test_a_digit_is_centred_from_wherever_it_is(shape: tuple[int, int], scale: float) -> None:
    side = min(shape)
    corner, other = seven(shape, scale), seven(shape, scale, shape[1] - 15 * scale, shape[0] - 18 * scale)
    views = [as_mnist(corner), as_mnist(other)]
    assert np.abs(views[0].image.astype(int) - views[1].image).mean() < 4
    for view in views:
        assert view.image.shape == shape
        assert max(view.fitted) == round(20 / 28 * side)
        rows, columns = np.nonzero(view.image)
        weights = view.image[rows, columns]
        assert abs(np.average(rows, weights=weights) - shape[0] // 2) <= 0.5
        assert abs(np.average(columns, weights=weights) - shape[1] // 2) <= 0.5
    assert [np.sign(view.moved).tolist() for view in views] == [[1, 1], [-1, -1]]
    assert "down" in views[0].steps[-1]
    assert "right" in views[0].steps[-1]
    assert "up" in views[1].steps[-1]
    assert "left" in views[1].steps[-1]


def test_the_digits_of_mnist_stay_as_they_are() -> None:
    images = RECORDING.load_arrays(RECORDING.digits_path("validation"))["images"][:50]
    views = [as_mnist(image) for image in images]
    changes = [np.abs(view.image.astype(int) - image).mean() for view, image in zip(views, images, strict=True)]
    assert np.median(changes) < 6
    assert max(max(map(abs, view.moved)) for view in views) <= 2


def test_dark_ink_on_light_is_inverted() -> None:
    view, inverted = (as_mnist(image) for image in (seven((28, 28), 1.0), 255 - seven((28, 28), 1.0)))
    assert np.array_equal(view.image, inverted.image)
    assert (view.is_inverted, inverted.is_inverted) == (False, True)
    assert "inverted" in inverted.steps[0]


@pytest.mark.parametrize("level", [0, 20, 255])
def test_an_image_without_ink_is_refused(level: int) -> None:
    with pytest.raises(AnalysisError, match="no ink"):
        as_mnist(np.full((28, 28), level, np.uint8))

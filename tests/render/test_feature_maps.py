"""Feature maps, kernels and values with a sign as pictures."""

import numpy as np
import pytest
from rich.segment import Segment
from rich.style import Style

from mnist_tui.render.feature_maps import (
    Scale,
    channel_maps,
    fitted,
    fitted_cells,
    kernel_pictures,
    limits_of,
    patch_blocks,
    signed_blocks,
)

POSITIVE = ((0, 0, 0), (0, 0, 128), (0, 0, 255))
NEGATIVE = ((0, 0, 0), (128, 0, 0), (255, 0, 0))
GREYS = ((0, 0, 0), (85, 85, 85), (170, 170, 170), (255, 255, 255))


def counted(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(
    ("shape", "channels_first", "maps"),
    [
        ((4, 5, 3), False, (3, 4, 5)),
        ((3, 4, 5), True, (3, 4, 5)),
        ((7, 6), False, (1, 7, 6)),
        ((2, 4, 5, 3), False, (6, 4, 5)),
        ((9,), False, None),
        ((1, 2, 3, 4, 5), False, None),
    ],
)
def test_maps_of_an_output(shape: tuple[int, ...], channels_first: bool, maps: tuple[int, ...] | None) -> None:
    found = channel_maps(counted(*shape), channels_first=channels_first)
    assert (None if found is None else found.shape) == maps


def test_a_map_is_a_channel() -> None:
    output = counted(4, 5, 3)
    maps = channel_maps(output)
    assert maps is not None
    assert np.array_equal(maps[2], output[:, :, 2])


def test_a_kernel_is_a_square_of_its_input_channels() -> None:
    kernel = counted(3, 3, 4, 2)
    pictures = kernel_pictures(kernel)
    assert pictures is not None
    assert pictures.shape == (2, 7, 7), "2 x 2 parts of 3 x 3 with a line between them"
    assert np.array_equal(pictures[1, :3, :3], kernel[:, :, 0, 1])
    assert np.array_equal(pictures[1, 4:, 4:], kernel[:, :, 3, 1])
    assert np.isnan(pictures[:, 3]).all()
    assert np.isnan(pictures[:, :, 3]).all()


def test_dense_weights_lie_where_their_inputs_were() -> None:
    weights = counted(2 * 3 * 4, 5)
    pictures = kernel_pictures(weights, (2, 3, 4))
    assert pictures is not None
    assert pictures.shape[0] == 5
    assert np.array_equal(pictures[2, :2, :3], weights.reshape(2, 3, 4, 5)[:, :, 0, 2])


@pytest.mark.parametrize("inputs", [1, 7, 9, 100])
def test_dense_weights_without_maps_fill_a_square(inputs: int) -> None:
    weights = counted(inputs, 3)
    pictures = kernel_pictures(weights)
    assert pictures is not None
    assert pictures[1][np.isfinite(pictures[1])].tolist() == weights[:, 1].tolist()


@pytest.mark.parametrize(
    ("scale", "limits"), [(Scale.UNIT, [1, 4, 1]), (Scale.LAYER, [4, 4, 4]), (Scale.GLOBAL, [9, 9, 9])]
)
def test_the_scale_decides_what_has_the_full_colour(scale: Scale, limits: list[float]) -> None:
    maps = np.zeros((3, 2, 2), np.float32)
    maps[0, 0, 0], maps[1, 1, 1] = 1, -4
    maps[0, 1, 1] = np.nan
    assert limits_of(maps, scale, 9).tolist() == limits


def cells(rows: list[list[Segment]]) -> list[list[tuple[str, str, str]]]:
    """Return letter, colour and background of each cell; no colour is ""."""

    def names(style: Style | None) -> tuple[str, str]:
        colours = (style.color, style.bgcolor) if style is not None else (None, None)
        first, second = (each.name if each is not None else "" for each in colours)
        return first, second

    return [[(letter, *names(each.style)) for each in row for letter in each.text] for row in rows]


def test_values_below_0_have_the_other_colour() -> None:
    values = np.array([[1, -1], [-0.5, np.nan]], np.float32)
    assert cells(signed_blocks(values, 1, POSITIVE, NEGATIVE)) == [
        [("▀", "#0000ff", "#800000"), ("▀", "#ff0000", "#000000")]
    ]


def test_without_colours_values_below_0_are_marked() -> None:
    values = np.array([[1, -1], [1, -0.9], [0.1, -0.1]], np.float32)
    rows = signed_blocks(values, 1, GREYS, GREYS)
    assert ["".join(segment.text for segment in row) for row in rows] == [" -", "  "]


@pytest.mark.parametrize("shape", [(28, 28), (5, 5), (3, 40), (96, 96)])
@pytest.mark.parametrize("room", [(14, 7), (32, 16), (60, 10)])
def test_a_fitted_picture_takes_the_cells_it_says(shape: tuple[int, int], room: tuple[int, int]) -> None:
    columns, lines = fitted_cells(shape, *room)
    rows = signed_blocks(fitted(np.ones(shape, np.float32), *room), 1, POSITIVE, NEGATIVE)
    assert len(rows) == lines <= room[1]
    assert {sum(len(segment.text) for segment in row) for row in rows} == {columns}
    assert columns <= room[0]


def test_a_patch_is_framed_and_what_is_outside_is_weaker() -> None:
    image = np.full((10, 10), 255, np.uint8)
    drawn = cells(patch_blocks(image, (4, 4, 8, 10), (10, 5), GREYS, (1, 2, 3)))
    assert drawn[0][0] == (" ", "", "#555555")
    assert drawn[2][9] == (" ", "", "#ffffff"), "the patch reaches the right edge"
    assert drawn[1][5] == ("▀", "#555555", "#010203"), "a line above the patch"
    assert drawn[2][3] == (" ", "", "#010203"), "a column left of it"

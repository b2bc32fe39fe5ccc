import numpy as np
import pytest
from rich.segment import Segment

from mnist_tui.render.images import (
    RgbMode,
    blank_margin,
    enlarge,
    factor_for,
    fitted_size,
    half_blocks,
    marked_blocks,
    shrink,
    tinted_blocks,
)
from mnist_tui.ui.terminal.recolour import rgb_of
from tests.kit.recorded import mnist

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
GREYS = tuple((grey, grey, grey) for grey in range(0, 256, 5))


def cells(row: list[Segment]) -> list[tuple[str, object, object]]:
    """Return (character, colour above, colour below) of each cell."""
    spread: list[tuple[str, object, object]] = []
    for text, style, _ in row:
        assert style is not None
        below = style.bgcolor.triplet if style.bgcolor else None
        above = style.color.triplet if style.color else below
        spread += [(character, above, below) for character in text]
    return spread


def test_an_image_of_28x28_takes_28_columns_and_14_rows() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    rows = half_blocks(image, GREYS)
    assert len(rows) == 14
    assert {sum(len(segment.text) for segment in row) for row in rows} == {28}


def test_the_upper_pixel_is_the_foreground_and_the_lower_the_background() -> None:
    (row,) = half_blocks(np.array([[255, 0, 255], [0, 255, 255]], dtype=np.uint8), GREYS)
    assert cells(row) == [("▀", WHITE, BLACK), ("▀", BLACK, WHITE), (" ", WHITE, WHITE)]


def test_ink_and_background_have_the_given_colours() -> None:
    (row,) = half_blocks(np.array([[255], [0]], dtype=np.uint8), (WHITE, (10, 20, 30)))
    assert cells(row) == [("▀", (10, 20, 30), WHITE)]


def test_greys_keep_their_order() -> None:
    image = np.repeat(np.arange(256, dtype=np.uint8)[None], 2, axis=0)
    (row,) = half_blocks(image, GREYS)
    reds = [below[0] for _, _, below in cells(row)]  # type: ignore[index]
    assert reds == sorted(reds)
    assert (reds[0], reds[-1]) == (0, 255)
    assert abs(reds[128] - 128) <= 3


def test_equal_neighbours_share_a_segment() -> None:
    assert len(half_blocks(np.zeros((2, 28), dtype=np.uint8), GREYS)[0]) == 1


def test_an_odd_height_ends_on_background() -> None:
    rows = half_blocks(np.full((3, 1), 255, dtype=np.uint8), GREYS)
    assert cells(rows[1]) == [("▀", WHITE, BLACK)]


def test_a_margin_is_cut_before_pixels_are_averaged() -> None:
    image = np.zeros((28, 28), dtype=np.uint8)
    image[3, 3] = image[24, 24] = 9
    image[2, 2] = 5
    middle = shrink(image, 22, 11, margin=3)
    assert middle.shape == (22, 22)
    assert (middle[0, 0], middle[21, 21], middle.max()) == (9, 9, 9)
    assert shrink(image, 12, 6, margin=3).shape == (12, 12)
    assert shrink(image, 28, 14, margin=3) is image


def test_only_sets_like_mnist_have_a_margin() -> None:
    digits = mnist()["x_train"][:50]
    assert blank_margin(digits) == 3
    assert blank_margin(255 - digits) == 0
    assert blank_margin(digits[:, :27]) == 0
    assert blank_margin(np.stack([digits] * 3, axis=3)) == 0


@pytest.mark.parametrize("shape", [(8, 8), (96, 96), (96, 8), (8, 96), (31, 17, 3), (64, 64, 3)], ids=str)
@pytest.mark.parametrize("room", [(16, 8), (33, 7), (3, 2)], ids=str)
def test_a_reduced_image_fits_and_keeps_aspect_and_brightness(shape: tuple[int, ...], room: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    small = shrink(image, *room)
    assert small.shape[:2] == fitted_size(shape, *room)
    assert small.shape[1] <= room[0]
    assert small.shape[0] <= 2 * room[1]
    assert small.shape[2:] == shape[2:]
    assert abs(float(small.mean()) - float(image.mean())) < 15
    scale = min(1.0, room[0] / shape[1], 2 * room[1] / shape[0])
    assert abs(small.shape[0] - shape[0] * scale) < 1
    assert abs(small.shape[1] - shape[1] * scale) < 1


@pytest.mark.parametrize(("shape", "factor"), [((8, 8), 3), ((8, 16), 1), ((30, 8), 1)], ids=str)
def test_small_images_are_enlarged_by_whole_factors(shape: tuple[int, int], factor: int) -> None:
    assert factor_for(shape, 26, 12) == factor


def test_enlarging_repeats_pixels_both_ways() -> None:
    assert enlarge(np.array([[1, 2]], dtype=np.uint8), 2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


GREEN, RED = (0, 255, 0), (255, 0, 0)


def test_halving_takes_means_of_four_pixels() -> None:
    image = np.array([[0, 100, 8, 8], [100, 200, 8, 8]], dtype=np.uint8)
    assert shrink(image, 2, 1).tolist() == [[100, 8]]


def test_a_tint_colours_the_ink_more_than_the_background() -> None:
    image = np.array([[255, 255, 255, 0], [255, 255, 255, 0]], dtype=np.uint8)
    saliency = np.array([[127, -127, 0, 127]] * 2, dtype=np.int8)
    (row,) = tinted_blocks(image, saliency, BLACK, WHITE, (GREEN, RED))
    assert [below for _, _, below in cells(row)] == [GREEN, RED, WHITE, (0, 152, 0)]


def test_weak_saliency_tints_less_than_strong() -> None:
    image, saliency = np.full((2, 3), 255, dtype=np.uint8), np.array([[10, 60, 127]] * 2, dtype=np.int8)
    (row,) = tinted_blocks(image, saliency, BLACK, WHITE, (GREEN, RED))
    reds = [below[0] for _, _, below in cells(row)]  # type: ignore[index]
    assert 255 > reds[0] > reds[1] > reds[2] == 0


def test_marks_show_strong_saliency_and_keep_the_size_of_the_image() -> None:
    image = np.full((4, 4), 128, dtype=np.uint8)
    saliency = np.zeros((4, 4), dtype=np.int8)
    saliency[0, 0], saliency[2, 3], saliency[1, 1] = 127, -90, 5
    for factor in (1, 2, 3):
        rows = marked_blocks(image, saliency, factor, GREYS)
        assert len(rows) == 2 * factor
        assert {sum(len(segment.text) for segment in row) for row in rows} == {4 * factor}
        text = ["".join(segment.text for segment in row) for row in rows]
        assert "+" in text[0][:factor]
        assert "-" in text[factor][-factor:]
        assert "".join(text).count("+") == max(1, factor // 2 + factor % 2)


RGB_IMAGE = np.array([[[255, 0, 0], [0, 95, 135]], [[255, 0, 0], [97, 97, 99]]], dtype=np.uint8)
SHADES = ((0, 0, 0), (85, 85, 85), (229, 229, 229), (255, 255, 255))


def test_rgb_images_keep_their_colours_in_truecolor() -> None:
    (row,) = half_blocks(RGB_IMAGE, GREYS)
    assert cells(row) == [(" ", (255, 0, 0), (255, 0, 0)), ("▀", (0, 96, 136), (96, 96, 96))]


def test_rgb_images_use_only_the_colours_that_terminals_of_256_share() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    image[:, :5] = image[:, :5, :1]
    shared = {rgb_of(number) for number in range(16, 256)}
    for row in half_blocks(image, GREYS, RgbMode.NUMBERED):
        assert {colour for _, *pair in cells(row) for colour in pair} <= shared
    (row,) = half_blocks(RGB_IMAGE, GREYS, RgbMode.NUMBERED)
    assert cells(row)[1] == ("▀", (0, 95, 135), (98, 98, 98))


def test_without_colours_rgb_images_are_dithered_by_their_luminance() -> None:
    ramp = np.repeat(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], 16, axis=0).repeat(3, axis=2)
    shares = []
    for shades in (SHADES, SHADES[::-1], (BLACK, WHITE, WHITE)):
        rows = half_blocks(ramp, shades, RgbMode.LUMINANCE)
        drawn = np.array([[colour[0] for _, *pair in cells(row) for colour in pair[:1]] for row in rows])  # type: ignore[index]
        shares.append([float(part.mean()) for part in np.array_split(drawn, 4, axis=1)])
    for quarters in shares:
        assert quarters == sorted(quarters)
        assert quarters[0] < 70 < 185 < quarters[-1]


def test_a_tinted_rgb_image_is_grey_where_nothing_speaks_for_or_against_the_class() -> None:
    saliency = np.array([[0, 127], [0, 127]], dtype=np.int8)
    (row,) = tinted_blocks(RGB_IMAGE, saliency, BLACK, WHITE, (GREEN, RED))
    (_, above, _), (_, tinted, _) = cells(row)
    assert isinstance(above, tuple)
    assert len(set(above)) == 1
    assert tinted == GREEN

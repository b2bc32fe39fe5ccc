import numpy as np
from rich.segment import Segment

from mnist_tui.render.images import crop, enlarge, half_blocks, halve, marked_blocks, tinted_blocks

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


def test_cropping_keeps_the_middle() -> None:
    image = np.zeros((28, 28), dtype=np.uint8)
    image[3, 3] = image[24, 24] = 9
    image[2, 2] = 5
    middle = crop(image)
    assert middle.shape == (22, 22)
    assert (middle[0, 0], middle[21, 21], middle.max()) == (9, 9, 9)


def test_enlarging_repeats_pixels_both_ways() -> None:
    assert enlarge(np.array([[1, 2]], dtype=np.uint8), 2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


GREEN, RED = (0, 255, 0), (255, 0, 0)


def test_halving_takes_means_of_four_pixels() -> None:
    image = np.array([[0, 100, 8, 8], [100, 200, 8, 8]], dtype=np.uint8)
    assert halve(image).tolist() == [[100, 8]]


def test_a_tint_colours_the_ink_and_not_the_background() -> None:
    image = np.array([[255, 255, 255, 0], [255, 255, 255, 0]], dtype=np.uint8)
    saliency = np.array([[127, -127, 0, 127]] * 2, dtype=np.int8)
    (row,) = tinted_blocks(image, saliency, BLACK, WHITE, (GREEN, RED))
    assert [below for _, _, below in cells(row)] == [GREEN, RED, WHITE, BLACK]


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

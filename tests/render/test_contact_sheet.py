from functools import partial

import numpy as np
import pytest
from rich.cells import cell_len
from rich.style import Style

from mnist_tui.render.contact_sheet import Line, Tile, contact_sheet, fitted, shades
from mnist_tui.render.images import half_blocks

STYLES = Style(bold=True), Style(dim=True)
DRAW = partial(half_blocks, greys=((0, 0, 0), (255, 255, 255)))


def texts(lines: list[Line]) -> list[str]:
    return ["".join(segment.text for segment in line) for line in lines]


def tiles(count: int, side: int = 28) -> list[Tile]:
    return [Tile(np.zeros((side, side), np.uint8), f"tile {place}", "text") for place in range(count)]


@pytest.mark.parametrize("width", [1, 8, 14, 44, 80, 200])
@pytest.mark.parametrize("side", [8, 28, 96])
def test_no_line_is_wider_than_the_room(width: int, side: int) -> None:
    lines = contact_sheet(tiles(7, side), width, DRAW, STYLES)
    assert max(map(cell_len, texts(lines))) <= width + 1  # the last gap


def test_tiles_have_captions_above_the_image_and_share_rows() -> None:
    lines = texts(contact_sheet(tiles(5), 50, DRAW, STYLES))
    assert lines[0].split() == ["tile", "0", "tile", "1", "tile", "2"]
    assert lines[1].split() == ["text"] * 3
    assert len(lines) == 2 * (2 + 8 + 1)
    assert lines[11].split() == ["tile", "3", "tile", "4"]


def test_pairs_stay_in_one_row() -> None:
    lines = texts(contact_sheet(tiles(6), 50, DRAW, STYLES, in_pairs=True, most_rows=2))
    assert [line.split()[1::2] for line in lines if "tile" in line] == [["0", "1"], ["2", "3"]]


def test_wide_characters_are_cut_by_cells() -> None:
    wide = Tile(np.zeros((8, 8), np.uint8), "猫" * 30)
    assert all(cell_len(line) in (0, 17) for line in texts(contact_sheet([wide, wide], 17, DRAW, STYLES)))


@pytest.mark.parametrize(("side", "drawn"), [(8, 16), (12, 12), (16, 16), (28, 16), (96, 16)])
def test_images_fit_into_their_tiles(side: int, drawn: int) -> None:
    assert fitted(np.zeros((side, side, 3), np.uint8), 16).shape == (drawn, drawn, 3)


def test_without_colours_ink_is_a_dense_character() -> None:
    image = np.zeros((3, 2), np.uint8)
    image[:, 1] = 255
    assert texts(shades(image)) == [" @", " ="]

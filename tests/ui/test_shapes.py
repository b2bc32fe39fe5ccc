"""Screens of runs whose images and classes are not MNIST's."""

from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from mnist_tui.render.images import RgbMode
from mnist_tui.ui.confusion.cell_panel import SelectedCell, cell_words
from mnist_tui.ui.confusion.screen import ConfusionScreen
from mnist_tui.ui.digits.gallery import FRAME, Gallery, image_size
from mnist_tui.ui.digits.image_grid import GridImage, grid_lines
from mnist_tui.ui.digits.screen import DigitsScreen
from mnist_tui.ui.labels.screen import LabelsScreen
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.terminal.colours import ColourDepth
from mnist_tui.ui.theme import DARK, palette, themes
from tests.kit.recorded import made_run
from tests.ui.host import Host, settled

WIDE_NAMES = ("猫と犬", "🐈 cat", "x" * 40, "Ankle boot")
SHAPES = [(8, 8), (9, 9), (16, 96), (96, 16), (24, 40), (28, 28), (32, 32), (95, 96), (96, 96)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("room", [(80, 19), (118, 36), (58, 14), (198, 56), (20, 8)], ids=str)
def test_whole_frames_of_a_gallery_fit_and_keep_the_aspect(shape: tuple[int, int], room: tuple[int, int]) -> None:
    side, (columns, lines) = image_size(shape, 0, 19, *room)
    assert max(columns, 2 * lines) <= side + 1
    assert abs(columns * shape[0] / shape[1] - 2 * lines) <= max(2, shape[0] / shape[1])
    if room[0] >= 58:
        assert (room[0] // max(19, columns + 2)) * (room[1] // (lines + FRAME)) >= 3


def test_images_do_not_shrink_if_no_more_of_them_fit_then() -> None:
    assert image_size((28, 28), 0, 26, 66, 14) == (22, (22, 11))


@pytest.mark.parametrize(("room", "size"), [((80, 19), (22, 11)), ((118, 36), (22, 11)), ((58, 13), (12, 6))], ids=str)
def test_digits_like_mnists_have_two_sizes(room: tuple[int, int], size: tuple[int, int]) -> None:
    assert image_size((28, 28), 3, 19, *room)[1] == size


@pytest.mark.parametrize(
    ("shape", "lines"), [((8, 8), 8), ((28, 28), 8), ((96, 96, 3), 8), ((16, 96), 2), ((32, 32, 3), 8)], ids=str
)
def test_a_grid_shows_whole_images_above_their_captions(shape: tuple[int, ...], lines: int) -> None:
    pixels = np.full(shape, 200, dtype=np.uint8).tobytes()
    images = tuple(GridImage(pixels, f"{number} 猫と犬と犬と犬", "caption") for number in range(6))
    drawn = grid_lines(images, shape, 0, palette(DARK.variables), 60, 12)
    assert [line.plain.startswith("0 猫") for line in drawn].index(True) == lines
    assert len({line.cell_len for line in drawn if line}) == 1


@pytest.mark.parametrize(
    ("depth", "mode"),
    [
        (ColourDepth.TRUECOLOR, RgbMode.EXACT),
        (ColourDepth.COLOURS_256, RgbMode.NUMBERED),
        (ColourDepth.COLOURS_16, RgbMode.LUMINANCE),
        (ColourDepth.MONOCHROME, RgbMode.LUMINANCE),
    ],
)
def test_a_palette_says_how_rgb_images_are_drawn(depth: ColourDepth, mode: RgbMode) -> None:
    assert {palette(theme.variables).rgb_mode for theme in themes(depth)} == {mode}


@pytest.mark.parametrize("screen", [DigitsScreen, LabelsScreen, ConfusionScreen])
async def test_wide_and_long_class_names_keep_all_columns_straight(tmp_path: Path, screen: type[RunScreen]) -> None:
    app = Host(made_run(tmp_path, (32, 32, 3), WIDE_NAMES, n=100), screen)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        assert "猫と犬" in app.text()
        assert "Ankle" in app.text() or screen is DigitsScreen
        assert {cell_len(line) for line in app.lines()} == {80}
        if screen is DigitsScreen:
            gallery = app.front.query_one(Gallery)
            assert gallery.per_row == 3
            assert gallery.frame_height <= gallery.size.height


@pytest.mark.parametrize("width", [30, 38, 66])
@pytest.mark.parametrize("predicted", ["dog", "y" * 40], ids=["short", "long"])
def test_the_count_of_a_cell_stays_visible_beside_long_names(width: int, predicted: str) -> None:
    cell = SelectedCell("x" * 40, predicted, 12, 345, 0.5, 0.5, ())
    first, *others = cell_words(cell, palette(DARK.variables), width, 6).plain.split("\n")
    assert "12 of 345" in first
    assert max(map(len, (first, *others))) <= width

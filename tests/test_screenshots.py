"""The painter draws what a terminal shows, and the README's screenshots exist and are small."""

from pathlib import Path

import pytest
from PIL import Image
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.screenshots.__main__ import FOLDER, SCENES
from tests.screenshots.painter import HEIGHT, MARGIN, WIDTH, mask, paint, save

WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)
MAX_BYTES = 200_000


def covered(letter: str) -> float:
    """Return the share of the cell that a letter covers."""
    histogram = mask(letter, False).histogram()
    return sum(value * count for value, count in enumerate(histogram)) / (255 * WIDTH * HEIGHT)


@pytest.mark.parametrize(
    ("letter", "share"),
    [("█", 1), ("▀", 1 / 2), ("▄", 1 / 2), ("▌", 1 / 2), ("▐", 1 / 2), ("▂", 1 / 4), ("▎", 1 / 4), ("▙", 3 / 4)],
)
def test_blocks_cover_their_share_of_the_cell(letter: str, share: float) -> None:
    assert covered(letter) == pytest.approx(share, abs=0.01)


def test_halves_are_on_their_sides() -> None:
    upper, left = mask("▀", False), mask("▌", False)
    assert upper.getpixel((WIDTH // 2, 0)) == 255
    assert upper.getpixel((WIDTH // 2, HEIGHT - 1)) == 0
    assert left.getpixel((0, HEIGHT // 2)) == 255
    assert left.getpixel((WIDTH - 1, HEIGHT // 2)) == 0


@pytest.mark.parametrize(
    ("letter", "sides"),
    list(zip("─│╭╮╯╰┼┏╸╷", ("lr", "ud", "rd", "ld", "lu", "ru", "lrud", "rd", "l", "d"), strict=True)),
)
def test_lines_reach_the_sides_of_their_arms_only(letter: str, sides: str) -> None:
    drawn = mask(letter, False)
    middles = {
        "l": (0, HEIGHT // 2),
        "r": (WIDTH - 1, HEIGHT // 2),
        "u": (WIDTH // 2, 0),
        "d": (WIDTH // 2, HEIGHT - 1),
    }
    assert {side for side, place in middles.items() if drawn.getpixel(place)} == set(sides)


def test_every_braille_dot_is_one_eighth_of_all() -> None:
    assert covered("⠀") == 0
    dots = [covered(chr(0x2800 + (1 << bit))) for bit in range(8)]
    assert sum(dots) == pytest.approx(covered("⣿"), rel=0.01)
    assert min(dots) == pytest.approx(max(dots), rel=0.01)


def test_an_image_has_the_cells_a_margin_and_the_colours_of_the_styles() -> None:
    strips = [
        Strip([Segment("ab "), Segment("█", Style(color="#ff0000"))]),
        Strip([Segment("    ", Style(bgcolor="#ff0000"))]),
    ]
    image = paint(strips, WHITE, BLACK)
    assert image.size == (4 * WIDTH + 2 * MARGIN, 2 * HEIGHT + 2 * MARGIN)
    assert image.getpixel((0, 0)) == BLACK
    assert image.getpixel((MARGIN + 3 * WIDTH, MARGIN)) == RED
    assert image.getpixel((MARGIN, MARGIN + HEIGHT)) == RED
    assert paint(strips, WHITE, BLACK).tobytes() == image.tobytes()


def test_reverse_and_dim_are_painted() -> None:
    image = paint([Strip([Segment(" ", Style(reverse=True)), Segment("█", Style(dim=True))])], WHITE, BLACK)
    assert image.getpixel((MARGIN, MARGIN)) == WHITE
    assert image.getpixel((MARGIN + WIDTH, MARGIN)) == (127, 127, 127)


def test_a_saved_image_opens_again(tmp_path: Path) -> None:
    save(paint([Strip([Segment("x")])], WHITE, BLACK), tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as opened:
        assert opened.size == (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN)


def test_every_screenshot_is_small_and_has_the_size_of_its_terminal() -> None:
    assert {path.stem for path in FOLDER.glob("*.png")} == {scene.name for scene in SCENES}
    for scene in SCENES:
        path = FOLDER / f"{scene.name}.png"
        assert path.stat().st_size < MAX_BYTES
        columns, rows = scene.size
        with Image.open(path) as image:
            assert image.size == (columns * WIDTH + 2 * MARGIN, rows * HEIGHT + 2 * MARGIN)

"""Digits found in drawn photographs, and centred as MNIST's images are."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from mnist_tui.analysis.centring import centred
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.handwriting import find_digits
from mnist_tui.analysis.ink import Image, otsu
from tests.kit.photographs import photograph, sheet
from tests.kit.recording import RECORDING

DIGITS: Image = RECORDING.load_arrays(RECORDING.digits_path("validation"))["images"][:12]
BLANK = np.full((300, 400), 225, np.uint8)
SCENES: dict[str, Callable[[Image], Image]] = {
    "scan": lambda paper: paper,
    "noise": lambda paper: photograph(paper, noise=12),
    "shadow": lambda paper: photograph(paper, shadow=0.7, noise=6),
    "turned on a table": lambda paper: photograph(paper, degrees=14, table=60, noise=6),
    "turned on a table in shadow": lambda paper: photograph(paper, degrees=-21, table=70, shadow=0.5, noise=8),
    "chalk": lambda paper: 255 - photograph(paper, noise=6),
}


def difference(image: Image, other: Image) -> float:
    """Return the mean absolute difference of two images, at the best of the nine shifts by at most a pixel."""
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(float(np.abs(np.roll(image, shift, (0, 1)).astype(int) - other).mean()) for shift in shifts)


@pytest.mark.parametrize("scene", SCENES)
def test_digits_in_a_row_are_found_from_the_left_and_look_as_before(scene: str) -> None:
    shown = DIGITS[:3]
    found = find_digits(SCENES[scene](sheet(list(shown), side=120, gap=20, margin=60))).digits
    assert len(found) == len(shown)
    turn = 8 if "turned" in scene else 0  # turning twice blurs
    for digit, original in zip(found, shown, strict=True):
        assert difference(digit.image, original) < 12 + turn


def test_a_digit_of_mnist_on_paper_comes_back_nearly_the_same() -> None:
    found = [find_digits(sheet([digit], side=280)).digits for digit in DIGITS]
    assert [len(digits) for digits in found] == [1] * len(DIGITS)
    differences = [difference(digits[0].image, digit) for digits, digit in zip(found, DIGITS, strict=True)]
    assert np.mean(differences) < 8


@pytest.mark.parametrize("scene", SCENES)
def test_boxes_are_where_the_digits_are_in_the_picture(scene: str) -> None:
    paper = np.full((300, 500), 225, np.uint8)
    paper[100:180, 300:330] = 30
    picture = SCENES[scene](paper)
    box = find_digits(picture).digits[0].box
    if not scene.startswith("turned"):
        assert tuple(box) == pytest.approx((300, 100, 30, 80), abs=6)
    else:
        assert picture[box.top + box.height // 2, box.left + box.width // 2] < 50
        assert 80 <= box.height <= 110


def test_two_rows_are_read_one_after_the_other() -> None:
    rows = [sheet(list(DIGITS[start : start + 3]), side=100, gap=20, margin=40) for start in (0, 3)]
    found = find_digits(np.vstack(rows)).digits
    assert len(found) == 6
    for digit, original in zip(found, DIGITS, strict=False):
        assert difference(digit.image, original) < 14


@pytest.mark.parametrize("degrees", [-15, 12])
def test_a_row_that_climbs_is_set_level(degrees: float) -> None:
    handwriting = find_digits(photograph(sheet(list(DIGITS[:5]), side=100, gap=20, margin=80), degrees=degrees))
    assert len(handwriting.digits) == 5
    assert any(step.name.startswith("turned") for step in handwriting.steps)
    for digit, original in zip(handwriting.digits, DIGITS, strict=False):
        assert difference(digit.image, original) < 22


def drawn(*strokes: list[tuple[int, int]], width: int = 12) -> Image:
    image = Pillow.new("L", (400, 300), 230)
    for stroke in strokes:
        ImageDraw.Draw(image).line(stroke, fill=40, width=width)
    return np.asarray(image)


ONE = [(100, 60), (100, 240)]


def test_a_broken_stroke_is_one_digit() -> None:
    assert len(find_digits(drawn([(100, 60), (100, 140)], [(102, 152), (102, 240)])).digits) == 1


def test_specks_are_left_out() -> None:
    assert len(find_digits(drawn(ONE, [(300, 60), (306, 60)], [(250, 200), (256, 200)])).digits) == 1


def test_what_the_border_cuts_off_is_left_out() -> None:
    assert len(find_digits(drawn(ONE, [(380, 0), (399, 60)])).digits) == 1


def test_thin_strokes_are_thickened_and_said_so() -> None:
    thin, thick = (find_digits(drawn(ONE, [(100, 60), (60, 120)], width=width)) for width in (3, 20))
    assert thin.notes
    assert not thick.notes
    assert thin.digits[0].image.sum() > 0.5 * thick.digits[0].image.sum()


@pytest.mark.parametrize("dark", [False, True], ids=["white on black", "black on white"])
def test_an_image_of_mnists_size_is_taken_as_it_is(dark: bool) -> None:
    given = 255 - DIGITS[0] if dark else DIGITS[0]
    handwriting = find_digits(given)
    assert np.array_equal(handwriting.digits[0].image, DIGITS[0])
    assert bool(handwriting.notes) is dark


@pytest.mark.parametrize(
    "picture",
    [
        BLANK,
        photograph(BLANK, noise=12),
        photograph(BLANK, noise=8, shadow=0.7),
        photograph(BLANK, degrees=12, table=60, noise=8),
        np.zeros((28, 28), np.uint8),
        np.full((28, 28), 255, np.uint8),
        np.full((1, 1), 9, np.uint8),
        np.full((2, 900), 200, np.uint8),
        np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.uint8),
    ],
    ids=["blank", "noise", "shadow", "table", "black 28x28", "white 28x28", "1x1", "2x900", "only noise"],
)
def test_a_picture_without_ink_is_refused(picture: Image) -> None:
    with pytest.raises(AnalysisError, match="no ink found"):
        find_digits(picture)


def test_a_digit_fills_20_pixels_around_its_centre_of_mass() -> None:
    image = centred(np.ones((60, 20), np.float32))
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert rows[-1] - rows[0] + 1 == 20
    assert abs(rows.mean() - 14) <= 1
    assert abs(columns.mean() - 14) <= 1


def test_otsus_threshold_is_between_two_groups() -> None:
    assert 0.2 < otsu(np.array([0.1, 0.2] * 50 + [0.8, 0.9] * 3)) < 0.8

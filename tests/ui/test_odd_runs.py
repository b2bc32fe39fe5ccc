"""Data that is not like MNIST, and runs with nothing to show, on the screens of single digits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.screens.confusion import ConfusionScreen
from mnist_tui.ui.screens.digit import DigitScreen
from mnist_tui.ui.screens.digits import DigitsScreen
from mnist_tui.ui.widgets.confusion_matrix import ConfusionMatrix
from tests.recorded import CLASSES, Recording
from tests.ui.host import SIZES, Host, settled
from tests.ui.odd_runs import odd_run

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
BRACKETS = ("[/]", "[red]", 'a "b"')
"""Names that would be markup, or need quotation marks in a filter."""

sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
classes = pytest.mark.parametrize("names", [("left", "right"), LETTERS, CLOTHES, BRACKETS, ("one",)], ids=len)


@sizes
@classes
async def test_any_classes_have_a_matrix_a_gallery_and_single_digits(
    tmp_path: Path, names: tuple[str, ...], size: tuple[int, int]
) -> None:
    app = Host(odd_run(tmp_path, names), ConfusionScreen)
    async with app.shown(size) as pilot:
        await settled(pilot)
        await pilot.press("pageup", "home", "c", "n", "pagedown", "end")
        await settled(pilot)
        assert app.screen.query_one(ConfusionMatrix).cursor == (len(names) - 1, len(names) - 1)
        assert {len(line) for line in app.lines()} == {size[0]}
        assert names[-1][:8] in app.text()
        await pilot.press("enter")
        await settled(pilot)
        assert [str(each.wanted) for each in app.opened] != []
        gallery = DigitsScreen(app.session, app.opened[-1].wanted)
        app.push_screen(gallery)
        await settled(pilot)
        assert "read right" in app.text()
        await pilot.press("enter", "tab")
        await settled(pilot)
        assert isinstance(app.screen, DigitScreen)
        assert {len(line) for line in app.lines()} == {size[0]}


@sizes
async def test_a_class_without_digits_has_dashes_and_no_division_by_nothing(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app = Host(odd_run(tmp_path, CLOTHES, absent=3), ConfusionScreen)
    async with app.shown(size) as pilot:
        await settled(pilot)
        await pilot.press("c", "n", "n", "n")
        app.screen.query_one(ConfusionMatrix).cursor = (3, 3)
        await settled(pilot)
        assert "Empty: no Dress was read right." in app.text()
        (row,) = [line for line in app.lines() if line[1:].lstrip().startswith("Dress  ")]
        assert "–" in row


@sizes
@pytest.mark.parametrize("build", [ConfusionScreen, DigitsScreen])
async def test_a_run_without_mistakes_says_so(
    tmp_path: Path, size: tuple[int, int], build: Callable[..., ConfusionScreen | DigitsScreen]
) -> None:
    recording = Recording.begin(tmp_path, planned=2, n=100)
    for _ in range(2):
        recording.end_epoch(np.eye(CLASSES, dtype=np.float16)[recording.labels])
    app = Host(recording.run, build)
    async with app.shown(size) as pilot:
        await settled(pilot)
        assert any(words in app.text() for words in ("every digit was read right", "No mistakes: all 100"))
        await pilot.press("left_square_bracket")
        await settled(pilot)
        assert "epoch 1 of 2" in app.text()


async def test_a_diverged_epoch_of_nan_is_no_crash(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=2, n=100)
    recording.end_epoch()
    recording.end_epoch(np.full((100, CLASSES), np.nan, dtype=np.float16))
    for build in (ConfusionScreen, DigitsScreen):
        app = Host(recording.run, build)
        async with app.shown((120, 40)) as pilot:
            await settled(pilot)
            await pilot.press("c" if build is ConfusionScreen else "o", "enter", "tab")
            await settled(pilot)
            assert {len(line) for line in app.lines()} == {120}


def test_the_odd_runs_are_as_odd_as_they_should_be(tmp_path: Path) -> None:
    run = odd_run(tmp_path, CLOTHES, absent=3)
    assert isinstance(run, RunDirectory)
    assert 3 not in run.load_arrays(run.predictions_path(1))["labels"]

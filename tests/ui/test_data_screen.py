"""The data screen: problems first, the images of what is under the cursor, and the ways to it and back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mnist_tui.analysis.data_report import DataReport, Split, report
from mnist_tui.config import ConfigError
from mnist_tui.ui.data.details import DetailView
from mnist_tui.ui.data.item_list import ItemList
from mnist_tui.ui.data.screen import DataScreen
from mnist_tui.ui.home.screen import HomeScreen
from tests.ui.program import lines_within, program, settled, text, told, wait_for, wait_until

SHOWN: list[tuple[tuple[int, int], tuple[int, ...]]] = [
    ((80, 24), (28, 28)),
    ((120, 40), (32, 32, 3)),
    ((200, 60), (8, 8)),
]
"""Size of the terminal and shape of the images."""


def flawed(classes: int, shape: tuple[int, ...] = (28, 28), leaked: int = 2) -> DataReport:
    """Return the report on a data set of which the first test images are training images."""
    random = np.random.default_rng(0)
    training, test = (
        Split(
            random.integers(0, 256, (count * classes, *shape), dtype=np.uint8),
            (np.arange(count * classes) % classes).astype(np.uint8),
        )
        for count in (13, 2)
    )
    test.images[:leaked] = training.images[:leaked]
    return report([training, test], tuple(f"猫 {label}" for label in range(classes)), "abc", ("Labels were shifted.",))


class Look:
    """Hands out a report, and keeps what it was asked for."""

    def __init__(self, found: DataReport | Exception) -> None:
        self.found = found
        self.specs: list[str] = []

    def __call__(self, spec: str, progress: Callable[[str], None]) -> DataReport:
        self.specs.append(spec)
        progress("Reading the data")
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


async def open_data(pilot: Pilot[int]) -> DataScreen:
    """Open the data screen of the data in the form."""
    await settled(pilot)
    await pilot.press("D")
    await wait_until(pilot, lambda: isinstance(pilot.app.screen, DataScreen), "the data screen")
    await settled(pilot)
    assert isinstance(pilot.app.screen, DataScreen)
    return pilot.app.screen


@pytest.mark.parametrize(("size", "shape"), SHOWN, ids=str)
async def test_the_worst_problem_is_shown_first_with_its_images(size: tuple[int, int], shape: tuple[int, ...]) -> None:
    app = program(look_at_data=Look(flawed(3, shape)))
    async with app.run_test(size=size) as pilot:
        await open_data(pilot)
        shown = "\n".join(lines_within(app, size[0]))
        assert "1 problem" in shown
        assert "Remove these images" in shown
        assert "train 0" in shown
        assert "test 0" in shown
        await pilot.press("down")
        await settled(pilot)
        assert "Labels were shifted." in text(app)
        assert "39 training, 6 test" in text(app)
        await pilot.press("end")
        await settled(pilot)
        assert "13 training images (33.3 %)" in text(app)
        assert "mean" in text(app)


async def test_without_problems_the_figures_are_shown_first() -> None:
    app = program(look_at_data=Look(flawed(3, leaked=0)))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_data(pilot)
        assert "No problems found" in text(app)
        assert "39 training, 6 test" in text(app)


async def test_a_hundred_classes_scroll_on_any_terminal() -> None:
    app = program(look_at_data=Look(flawed(100, (8, 8))))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_data(pilot)
        view = screen.query_one(DetailView)
        await pilot.press("end")
        await settled(pilot)
        lines_within(app, 80)
        assert view.border_title == "猫 99"
        assert any("猫 99" in line and "13" in line for line in text(app).splitlines())
        await pilot.press("pagedown")
        await wait_until(pilot, lambda: view.scroll_y > 0, "other images")
        await pilot.press("pageup", "home", "down")
        await settled(pilot)
        assert view.scroll_y == 0
        assert view.border_title == "All classes"


async def test_a_small_terminal_shows_list_and_images_in_turn() -> None:
    app = program(look_at_data=Look(flawed(3)))
    async with app.run_test(size=(60, 20)) as pilot:
        screen = await open_data(pilot)
        items, view = screen.query_one(ItemList), screen.query_one(DetailView)
        assert (items.display, view.display) == (True, False)
        await pilot.press("tab")
        await settled(pilot)
        assert (items.display, view.display) == (False, True)
        assert "Remove these images" in " ".join(text(app).split())


async def test_data_that_cannot_be_read_are_explained_and_left_with_escape() -> None:
    app = program(look_at_data=Look(ConfigError("data.npz is damaged: restore it")))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_data(pilot)
        await wait_for(pilot, "data.npz is damaged: restore it")
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, HomeScreen), "the home screen")


async def test_f2_looks_at_the_data_that_were_typed(tmp_path: Path) -> None:
    path = tmp_path / "Data.npz"
    path.touch()
    look = Look(flawed(3))
    app = program(look_at_data=look)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        field = app.screen.query_one("#data", Input)
        field.focus()
        await pilot.press(*"nowhere.npz", "f2")
        await wait_until(pilot, lambda: bool(told(app)), "a notification")
        assert isinstance(app.screen, HomeScreen)
        field.value = str(path)
        await pilot.press("f2")
        await wait_until(pilot, lambda: isinstance(app.screen, DataScreen), "the data screen")
        await wait_for(pilot, "Data.npz")
    assert look.specs == [str(path)]

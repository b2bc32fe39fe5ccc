"""The dialog that asks for the correct class, with few and with many classes."""

import pytest
from textual.widget import Widget
from textual.widgets import OptionList

from mnist_tui.ui.labels.relabel import UNKNOWN_CLASS, RelabelScreen, found_classes
from tests.ui.stage import Stage

FASHION = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
MANY = (*(f"class {number}" for number in range(98)), "sea lion", "lion")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("lion", [99, 98]), ("LI", [99, 98]), ("7", [7, 17, 27]), ("class 9", [9, 90, 91]), ("sea", [98]), ("zebra", [])],
)
def test_the_best_matches_come_first(typed: str, expected: list[int]) -> None:
    assert found_classes(typed, MANY)[:3] == expected


CHOICES: tuple[tuple[tuple[str, ...], str, int | None], ...] = (
    (tuple("0123456789"), "7", 7),
    (("cat", "dog"), "1", 1),
    (("cat", "dog"), "d", 1),
    (FASHION, "9", 9),
    (FASHION, "t r", 1),
    (FASHION, "s h", 6),
    (MANY, "l i o n enter", 99),
    (MANY, "4 2 enter", 42),
    (MANY, "s e a down enter", UNKNOWN_CLASS),
    (MANY, "down down enter", 2),
    (MANY, "s e a escape", None),
)


async def test_a_class_is_chosen_by_number_or_by_name() -> None:
    app, results = Stage(Widget()), list[int | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        for names, keys, chosen in CHOICES:
            probabilities = [1 / (2 + number) for number in range(len(names))]
            app.push_screen(RelabelScreen(0, names, probabilities), results.append)
            await pilot.pause()
            assert app.screen.query_one(OptionList).region.bottom <= 24
            await pilot.press(*keys.split())
            await pilot.pause()
            assert results[-1:] == [chosen], (keys, names)
    assert len(results) == len(CHOICES)

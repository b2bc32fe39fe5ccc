"""Digits drawn in a real terminal, by the mouse and by keys, and predicted by a trained `fast`."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from tests.e2e.conftest import Call
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.full

Points = list[tuple[int, int]]
"""Columns and rows of pixels."""
DIGITS: dict[str, Points] = {
    "1": [(14, y) for y in range(5, 23, 2)],
    "7": [(7, 7), (13, 7), (20, 7), (18, 11), (15, 16), (14, 20), (13, 25)],
    "0": [
        (round(14 + 5 * math.sin(turn * math.pi / 8)), round(14 - 8 * math.cos(turn * math.pi / 8)))
        for turn in range(17)
    ],
}
LEFT, TOP = 1, 2
"""Column and row of the canvas at 120x40, where a pixel takes two columns and a row."""


def by_mouse(terminal: Terminal, points: Points) -> None:
    cells = [(LEFT + 2 * x, TOP + y) for x, y in points]
    terminal.mouse("press", *cells[0])
    for cell in cells[1:]:
        terminal.mouse("drag", *cell)
    terminal.mouse("release", *cells[-1])


def by_keys(terminal: Terminal, points: Points) -> None:
    terminal.press("home", "pageup", *["right"] * points[0][0], *["down"] * points[0][1], "space")
    for (x, y), (next_x, next_y) in pairwise(points):
        across, down = abs(next_x - x), abs(next_y - y)
        sideways, upright = "l" if next_x > x else "h", "j" if next_y > y else "k"
        for step in range(max(across, down)):  # a straight line, as the keys allow
            if (step + 1) * across // max(across, down) > step * across // max(across, down):
                terminal.press(sideways)
            if (step + 1) * down // max(across, down) > step * down // max(across, down):
                terminal.press(upright)
    terminal.press("space")


def shows(words: tuple[str, ...], screen: str) -> bool:
    return all(each in screen for each in words)


def test_a_trained_model_predicts_what_is_drawn(program: list[str], env: dict[str, str], call: Call) -> None:
    ways: dict[str, Callable[[Terminal, Points], None]] = {"mouse": by_mouse, "keys": by_keys}
    assert call("train", "--preset", "fast", "--plain").returncode == 0
    wrong_in_the_corner = []
    with Terminal([*program, "attach", "last"], (120, 40), env) as terminal:
        terminal.wait_for("test accuracy")
        terminal.press("6")
        terminal.wait_for("Your drawing")
        for way, draw in ways.items():
            for digit, points in DIGITS.items():
                draw(terminal, points)
                words = f"as drawn: {digit}", f"centred: {digit}"
                terminal.wait_until(partial(shows, words), f"to predict {digit}, drawn by {way}")
                left, top = (min(point[axis] for point in points) - 1 for axis in (0, 1))
                terminal.press("delete")
                terminal.wait_for("Draw a digit")
                draw(terminal, [(x - left, y - top) for x, y in points])
                terminal.wait_for(f"centred: {digit}")
                terminal.wait_for("down,")
                if f"as drawn: {digit}" not in terminal.screen_text():
                    wrong_in_the_corner.append((way, digit))
                terminal.press("delete")
                terminal.wait_for("Draw a digit")
    assert wrong_in_the_corner, "in a corner, some digit is not predicted as drawn"

"""What is put onto the lines of a drawn plot: what happened, on its x axis, and the value cursor through all of it."""

from collections.abc import Iterable, Sequence

from rich.style import Style
from rich.text import Text
from textual.color import Color

from mnist_tui.render.plot import Sign, place_signs
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette

MARKS: dict[str, tuple[str, str, int]] = {
    "pause": ("‖", "foreground", 0),
    "setting": ("▾", "accent", 1),
    "resume": ("↻", "success", 2),
    "broken": ("×", "error", 3),
    "alert": ("!", "warning", 4),
}
"""Kind of a mark -> its sign on the x axis, the theme variable of its colour, and its weight."""
CURSOR = "┃"
CURSOR_TINT = 0.22
"""How much of the accent's colour is behind the cursor."""


def mark_axis(
    line: Text, marks: Iterable[tuple[float, str]], limits: tuple[float, float], variables: dict[str, str]
) -> None:
    """Put marks, (place on the axis, kind), onto the axis line, where they happened."""
    colours = {kind: Color.parse(variables[colour]).rgb for kind, (_, colour, _) in MARKS.items()}
    signs = [Sign(place, MARKS[kind][0], colours[kind], MARKS[kind][2]) for place, kind in marks]
    if not signs:
        return
    letters, placed = list(line.plain), place_signs(signs, limits, line.plain)
    for column, sign in placed.items():
        letters[column] = sign.letter
    line.plain = "".join(letters)
    for column, sign in placed.items():
        line.stylize(paint(Color(*sign.colour), bold=True), column, column + 1)


def draw_cursor(lines: Sequence[Text], place: float, ruler: str, limits: tuple[float, float], colours: Palette) -> None:
    """Draw the value cursor at a place on the axis; the last line is the axis, `ruler` it as it was without marks."""
    for column in place_signs([Sign(place, CURSOR, colours.accent.rgb)], limits, ruler):
        style = paint(colours.accent, colours.background.blend(colours.accent, CURSOR_TINT))
        for line in lines[:-1]:
            line.pad_right(max(0, column + 1 - len(line.plain)))
            if line.plain[column] in (" ", "\u2800"):
                line.plain = line.plain[:column] + CURSOR + line.plain[column + 1 :]
                line.stylize(style, column, column + 1)
            else:
                line.stylize(Style(bgcolor=style.bgcolor, bold=True), column, column + 1)
        lines[-1].stylize(Style(bgcolor=style.bgcolor, bold=True), column, column + 1)

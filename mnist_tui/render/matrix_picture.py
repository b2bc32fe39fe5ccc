"""A confusion matrix as SVG and as PNG, light or dark."""

from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from mnist_tui.render.heatmap import glow
from mnist_tui.render.images import RGB
from mnist_tui.render.text import clip

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

CELL, SMALL_CELL = 46, 9
"""Sides of a cell in pixels, with its count and without."""
MAX_COUNTED = 24
"""Classes up to which cells show their counts."""
SHADES = 8
LONGEST_NAME = 14
LETTER = 7.2
"""Width of a letter of a name in pixels."""
FIRST_UNDRAWN = "\u0250"
"""Letters from this one on are missing in the font of PNGs, which shows the number of such a class."""
THEMES: dict[str, dict[str, tuple[RGB, RGB]]] = {
    "light": {"q": ((232, 235, 238), (190, 203, 217)), "w": ((250, 226, 222), (198, 40, 40))},
    "dark": {"q": ((29, 35, 46), (52, 66, 88)), "w": ((58, 32, 38), (255, 95, 109))},
}
"""Shades of correct and of wrong cells, from weak to strong."""
Matrix = NDArray[np.integer]


def matrix_svg(matrix: Matrix, names: Sequence[str], title: str = "", *, is_page: bool = False) -> str:
    """Draw a matrix (classes, classes) of counts by true and predicted class.

    `is_page`: the SVG is part of a page that has `matrix_css` and the fonts; else it has them itself.
    """
    classes, cell = len(matrix), _cell(matrix)
    shown = [clip(name, LONGEST_NAME) for name in names]
    widest = max(map(cell_len, shown)) * LETTER
    left, is_turned = 30 + int(widest), widest > cell
    top = 30 + (left - 30 if is_turned else 16)
    side = classes * cell
    size = (left + side + 4, top + side + 4)
    paths: dict[str, list[str]] = {}
    texts = []
    for true, predicted in np.argwhere(matrix).tolist():
        x, y, count = left + predicted * cell, top + true * cell, int(matrix[true, predicted])
        shade = shade_of(matrix, true, predicted)
        paths.setdefault(shade, []).append(f"M{x} {y}h{cell - 1}v{cell - 1}h{1 - cell}z")
        if cell == CELL:
            strong = " strong" if shade[0] == "w" and int(shade[1:]) >= SHADES // 2 else ""
            texts.append(f'<text class="count{strong}" x="{x + cell / 2:g}" y="{y + cell / 2 + 4:g}">{count:,}</text>')
    every = max(1, -(-12 // cell))
    for place in range(0, classes, every):
        name, middle = escape(shown[place]), place * cell + cell / 2
        texts.append(f'<text class="name" x="{left - 6}" y="{top + middle + 4:g}" text-anchor="end">{name}</text>')
        where = f'x="{left + middle:g}" y="{top - 6}" text-anchor="middle"'
        if is_turned:
            where = f'transform="translate({left + middle + 4:g} {top - 6}) rotate(-90)"'
        texts.append(f'<text class="name" {where}>{name}</text>')
    turned = f'transform="translate(12 {top + side / 2:g}) rotate(-90)"'
    axes = (
        f'<text class="axis-name" x="{left + side / 2:g}" y="14" text-anchor="middle">predicted</text>'
        f'<text class="axis-name" text-anchor="middle" {turned}>true</text>'
    )
    empty = f'<path class="frame" d="M{left} {top}h{side - 1}v{side - 1}h{1 - side}z"/>'
    filled = "".join(f'<path class="{shade}" d="{"".join(cells)}"/>' for shade, cells in sorted(paths.items()))
    head = "" if is_page else f"<title>{escape(title)}</title><style>{STANDALONE_CSS}{matrix_css()}</style>"
    extent = f'width="{size[0]}" height="{size[1]}"'
    return (
        f'<svg class="matrix" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" {extent}>'
        f"{head}{empty}{filled}{''.join(texts)}{axes}</svg>"
    )


def matrix_png(matrix: Matrix, names: Sequence[str]) -> bytes:
    """Draw the same matrix as a PNG of the light theme, at twice the size."""
    from PIL import Image, ImageDraw, ImageFont

    scale = 2
    classes, cell = len(matrix), _cell(matrix) * scale
    shown = [
        clip(name, LONGEST_NAME) if max(name, default="") < FIRST_UNDRAWN else str(n) for n, name in enumerate(names)
    ]
    font = ImageFont.load_default(size=13 * scale)
    widest = max(int(font.getlength(name)) for name in shown)
    is_turned = widest > cell
    left = 30 * scale + widest
    top = (left if is_turned else 46 * scale) + 2 * scale
    side = classes * cell
    image = Image.new("RGB", (left + side + 8 * scale, top + side + 8 * scale), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((left - 1, top - 1, left + side, top + side), fill=(246, 247, 247), outline=(195, 200, 208))
    for true, predicted in np.argwhere(matrix).tolist():
        x, y, shade = left + predicted * cell, top + true * cell, shade_of(matrix, true, predicted)
        colour = colours("light")[shade]
        draw.rectangle((x, y, x + cell - scale - 1, y + cell - scale - 1), fill=colour)
        if cell == CELL * scale:
            ink = "white" if sum(colour) < 420 else (29, 36, 48)
            centre = (x + (cell - scale) / 2, y + (cell - scale) / 2)
            draw.text(centre, f"{int(matrix[true, predicted]):,}", ink, font, anchor="mm")
    ink, every = (29, 36, 48), max(1, -(-14 * scale // cell))
    for place in range(0, classes, every):
        middle = place * cell + cell // 2
        draw.text((left - 6 * scale, top + middle), shown[place], ink, font, anchor="rm")
        if is_turned:
            _draw_turned(image, shown[place], (left + middle, top - 6 * scale), ink, font)
        else:
            draw.text((left + middle, top - 6 * scale), shown[place], ink, font, anchor="mb")
    quiet = (102, 112, 133)
    draw.text((left + side // 2, 4 * scale), "predicted", quiet, font, anchor="ma")
    _draw_turned(image, "true", (12 * scale, top + side // 2 + int(font.getlength("true")) // 2), quiet, font)
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def shade_of(matrix: Matrix, true: int, predicted: int) -> str:
    """Return the CSS class of a cell: q or w for correct or wrong, and the strength of its shade."""
    share = float(matrix[true, predicted] / max(1, matrix[true].sum()))
    strength = share if true == predicted else glow(share)
    return ("q" if true == predicted else "w") + str(min(SHADES - 1, int(strength * SHADES)))


def colours(theme: str) -> dict[str, RGB]:
    """Return the colour of each CSS class of a cell."""
    found = {}
    for kind, (weak, strong) in THEMES[theme].items():
        for place in range(SHADES):
            share = place / (SHADES - 1)
            red, green, blue = (round(a + (b - a) * share) for a, b in zip(weak, strong, strict=True))
            found[f"{kind}{place}"] = (red, green, blue)
    return found


def matrix_css() -> str:
    """Return the CSS of the cells. SVG viewers without media queries show the light theme."""
    light, dark = (
        "".join(f".{name}{{fill:#{r:02x}{g:02x}{b:02x}}}" for name, (r, g, b) in colours(theme).items())
        for theme in THEMES
    )
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}"


STANDALONE_CSS = (
    "text{font:13px system-ui,sans-serif;fill:#1d2430}.count{text-anchor:middle}.strong{fill:#fff}"
    ".axis-name{fill:#667085}.frame{fill:#f6f7f7;stroke:#c3c8d0}"
    "@media (prefers-color-scheme:dark){svg{background:#0e1117}text{fill:#d6dbe5}.strong{fill:#1d1014}"
    ".axis-name{fill:#8b94a6}.frame{fill:#141924;stroke:#2f3a4d}}"
)


def _cell(matrix: Matrix) -> int:
    return CELL if len(matrix) <= MAX_COUNTED else SMALL_CELL


def _draw_turned(
    image: "Image.Image", text: str, place: tuple[int, int], ink: RGB, font: "FreeTypeFont | ImageFont"
) -> None:
    """Draw text upwards from a place, centred across it."""
    from PIL import Image, ImageDraw

    width, height = int(font.getlength(text)) + 2, int(1.3 * (font.getbbox("Mg")[3] - font.getbbox("Mg")[1]))
    strip = Image.new("L", (width, height))
    ImageDraw.Draw(strip).text((0, height // 2), text, 255, font, anchor="lm")
    turned = strip.rotate(90, expand=True)
    corner = (place[0] - turned.width // 2, place[1] - turned.height)
    image.paste(ink, (*corner, corner[0] + turned.width, corner[1] + turned.height), turned)

"""Painter of a terminal's lines: no terminal, no browser, and the same pixels every time.

Blocks, boxes and braille are geometry, so that they join without seams. Other characters come from DejaVu Sans Mono if
it is installed, else from Pillow's own font.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.strip import Strip

Rgb = tuple[int, int, int]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
WIDTH, HEIGHT = 12, 24
"""A cell in pixels: DejaVu Sans Mono is 12.04 wide at 20 pixels, and 12 by 24 is a square grid of braille dots."""
FONT_SIZE, BASELINE = 20, 19
MARGIN = 16
LIGHT, HEAVY = 2, 4
"""Thickness of box lines in pixels."""
SCALE = 4
"""Factor by which geometry is drawn larger and then reduced."""
FONTS = {False: "DejaVuSansMono.ttf", True: "DejaVuSansMono-Bold.ttf"}
DOT_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Braille: rows of (left, right)."""
QUADRANTS = dict(zip("▖▗▘▙▚▛▜▝▞▟", ["c", "d", "a", "acd", "ad", "abc", "abd", "b", "bc", "bcd"], strict=True))
"""Corners: a and b above, c and d below."""
SHADES = {"░": 64, "▒": 128, "▓": 192}


def paint(strips: Sequence[Strip], foreground: Rgb, background: Rgb) -> Image.Image:
    """Return the lines as an image with a margin. The colours are the defaults for text without its own."""
    columns = max(strip.cell_length for strip in strips)
    size = (columns * WIDTH + 2 * MARGIN, len(strips) * HEIGHT + 2 * MARGIN)
    image = Image.new("RGB", size, background)
    for row, strip in enumerate(strips):
        column = 0
        for segment in strip:
            style = segment.style or Style.null()
            front, back = colours(style, foreground, background)
            width = cell_len(segment.text)
            left, top = MARGIN + column * WIDTH, MARGIN + row * HEIGHT
            image.paste(back, (left, top, left + width * WIDTH, top + HEIGHT))
            for letter in segment.text:
                if not letter.isspace():
                    image.paste(front, (left, top), mask(letter, bool(style.bold)))
                left += cell_len(letter) * WIDTH
            column += width
    return image


def save(image: Image.Image, path: Path) -> None:
    """Write a small PNG of at most 256 colours."""
    reduced = image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(path, "PNG", optimize=True)


def colours(style: Style, foreground: Rgb, background: Rgb) -> tuple[Rgb, Rgb]:
    """Return the foreground and background of a style."""
    theme = TerminalTheme(background, foreground, [background] * 8)
    front, back = rgb(style.color, foreground, theme), rgb(style.bgcolor, background, theme)
    if style.reverse:
        front, back = back, front
    if style.dim:
        front = (front[0] + back[0]) // 2, (front[1] + back[1]) // 2, (front[2] + back[2]) // 2
    return front, back


def rgb(colour: Color | None, default: Rgb, theme: TerminalTheme) -> Rgb:
    """Return red, green and blue of a Rich colour, 0..255."""
    if colour is None or colour.is_default:
        return default
    red, green, blue = colour.get_truecolor(theme)
    return red, green, blue


@cache
def mask(letter: str, bold: bool) -> Image.Image:
    """Return the share of each pixel of the cell that a letter covers, 0..255."""
    code = ord(letter)
    if letter in SHADES:
        return Image.new("L", (WIDTH, HEIGHT), SHADES[letter])
    if 0x2580 <= code <= 0x259F:
        return _reduced(_blocks(letter))
    if 0x2800 <= code <= 0x28FF:
        return _reduced([], _dots(code - 0x2800))
    if 0x2500 <= code <= 0x257F and (drawn := _box_lines(letter)) is not None:
        return drawn
    return _glyph(letter, bold)


def _reduced(boxes: Sequence[Box], dots: Sequence[Box] = ()) -> Image.Image:
    large = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE))
    draw = ImageDraw.Draw(large)
    for box in boxes:
        draw.rectangle(_scaled(box), fill=255)
    for box in dots:
        draw.ellipse(_scaled(box), fill=255)
    return large.reduce(SCALE)


def _scaled(box: Box) -> Box:
    left, top, right, bottom = (side * SCALE for side in box)
    return left, top, right - 1, bottom - 1  # Pillow includes the last pixel


def _blocks(letter: str) -> list[Box]:
    """Return the boxes of a block letter, shades excluded: eighths from the bottom or the left, halves, quadrants."""
    code, half_width, half_height = ord(letter), WIDTH / 2, HEIGHT / 2
    if letter in QUADRANTS:
        corners = {
            "a": (0.0, 0.0, half_width, half_height),
            "b": (half_width, 0.0, WIDTH, half_height),
            "c": (0.0, half_height, half_width, HEIGHT),
            "d": (half_width, half_height, WIDTH, HEIGHT),
        }
        return [corners[each] for each in QUADRANTS[letter]]
    if letter == "▀":
        return [(0, 0, WIDTH, half_height)]
    if letter == "▐":
        return [(half_width, 0, WIDTH, HEIGHT)]
    if letter == "▔":
        return [(0, 0, WIDTH, HEIGHT / 8)]
    if letter == "▕":
        return [(WIDTH * 7 / 8, 0, WIDTH, HEIGHT)]
    if code <= 0x2588:
        return [(0, HEIGHT * (0x2588 - code) / 8, WIDTH, HEIGHT)]
    return [(0, 0, WIDTH * (0x2590 - code) / 8, HEIGHT)]


def _dots(bits: int) -> list[Box]:
    """Return the raised dots of a braille letter."""
    across, down = WIDTH / 2, HEIGHT / 4
    radius = min(across, down) * 0.36
    return [
        (x - radius, y - radius, x + radius, y + radius)
        for row, pair in enumerate(DOT_BITS)
        for column, bit in enumerate(pair)
        if bits & bit
        for x, y in [((column + 0.5) * across, (row + 0.5) * down)]
    ]


def _box_lines(letter: str) -> Image.Image | None:
    """Draw a box line by its Unicode name, such as LIGHT ARC DOWN AND RIGHT. None for dashed and double lines."""
    words = unicodedata.name(letter).removeprefix("BOX DRAWINGS ").split()
    if set(words) - {"LIGHT", "HEAVY", "ARC", "AND", "UP", "DOWN", "LEFT", "RIGHT", "HORIZONTAL", "VERTICAL"}:
        return None
    if words[0] not in ("LIGHT", "HEAVY") or len({"LIGHT", "HEAVY"} & set(words)) > 1:
        return None
    half = (HEAVY if words[0] == "HEAVY" else LIGHT) / 2
    x, y = WIDTH / 2, HEIGHT / 2
    if "ARC" in words:
        return _arc("RIGHT" in words, "DOWN" in words, half)
    arms = {
        "UP": (x - half, 0, x + half, y + half),
        "DOWN": (x - half, y - half, x + half, HEIGHT),
        "LEFT": (0, y - half, x + half, y + half),
        "RIGHT": (x - half, y - half, WIDTH, y + half),
        "HORIZONTAL": (0, y - half, WIDTH, y + half),
        "VERTICAL": (x - half, 0, x + half, HEIGHT),
    }
    directions = [word for word in words if word in arms]
    if len(directions) == 1 and directions[0] in ("LEFT", "RIGHT", "UP", "DOWN"):
        middle = {"UP": (x - half, 0, x + half, y), "DOWN": (x - half, y, x + half, HEIGHT)}
        sides = {"LEFT": (0, y - half, x, y + half), "RIGHT": (x, y - half, WIDTH, y + half)}
        arms = middle | sides
    return _reduced([arms[direction] for direction in directions])


def _arc(to_right: bool, to_bottom: bool, half: float) -> Image.Image:
    large = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE))
    draw = ImageDraw.Draw(large)
    radius = WIDTH / 2
    x, y = WIDTH / 2, HEIGHT / 2
    centre_x = x + radius if to_right else x - radius
    centre_y = y + radius if to_bottom else y - radius
    start = {(True, True): 180, (False, True): 270, (False, False): 0, (True, False): 90}[to_right, to_bottom]
    outer = radius + half
    around = _scaled((centre_x - outer, centre_y - outer, centre_x + outer, centre_y + outer))
    draw.arc(around, start, start + 90, fill=255, width=round(2 * half * SCALE))
    rest = (x - half, centre_y, x + half, HEIGHT) if to_bottom else (x - half, 0, x + half, centre_y)
    draw.rectangle(_scaled(rest), fill=255)
    return large.reduce(SCALE)


def _glyph(letter: str, bold: bool) -> Image.Image:
    font = _font(bold)
    width = max(1, cell_len(letter)) * WIDTH
    drawn = Image.new("L", (width, HEIGHT))
    ImageDraw.Draw(drawn).text(((width - font.getlength(letter)) / 2, BASELINE), letter, 255, font, anchor="ls")
    return drawn


@cache
def _font(bold: bool) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(FONTS[bold], FONT_SIZE, layout_engine=ImageFont.Layout.BASIC)
    except OSError:
        font = ImageFont.load_default(FONT_SIZE)
        assert isinstance(font, ImageFont.FreeTypeFont)
        return font
